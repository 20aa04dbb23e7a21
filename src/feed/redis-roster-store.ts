import type { RedisBackend } from "../backend/backend.js";
import { beat as beatScript, leaveRoster, readRoster } from "./lua/scripts.generated.js";
import type { RosterRow, RosterStore } from "./roster-store.js";

// A beat that comes late is of no use; the next one is on its way.
const deadline = 2_000;

/** Keeps the roster as one hash of a Redis backend. */
export function createRedisRosterStore(backend: RedisBackend): RosterStore {
  const keys = { roster: backend.keys.key("feed", "roster", "beats") };
  return {
    async beat({ id, positions, details, forget }) {
      const args = { id, positions, details, forget };
      const [, now, version] = await backend.run(beatScript, { keys, args }, { deadline });
      return { now, version };
    },
    async read() {
      const [, now, rows] = await backend.run(readRoster, { keys, args: {} });
      return { now, rows: readRows(rows) };
    },
    async leave({ id }) {
      await backend.run(leaveRoster, { keys, args: { id } }, { deadline });
    },
  };
}

function readRows(text: string): readonly RosterRow[] {
  // An empty table of Lua is an object in JSON.
  const parsed = JSON.parse(text) as readonly string[] | object;
  const flat: readonly string[] = Array.isArray(parsed) ? parsed : [];
  const rows: RosterRow[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const field = flat[at] ?? "";
    const [, beat, positions = "", details = ""] = /^(\d+)\|([^|]*)\|(.*)$/s.exec(flat[at + 1] ?? "") ?? [];
    if (field.startsWith("i:") && beat !== undefined)
      rows.push({ id: field.slice(2), beat: Number(beat), positions, details });
  }
  return rows;
}
