import type { MemoryBackend } from "../backend/backend.js";
import type { RosterRow, RosterStore } from "./roster-store.js";

interface State {
  version: number;
  readonly rows: Map<string, RosterRow>;
}

/** Keeps the roster in the embedded backend. */
export function createMemoryRosterStore(backend: MemoryBackend): RosterStore {
  const state = (): State => backend.room("feed:roster", () => ({ version: 0, rows: new Map<string, RosterRow>() }));
  const change = (roster: State): void => {
    roster.version = Math.max(roster.version + 1, backend.time());
  };
  return {
    async beat({ id, positions, details, forget }) {
      const roster = state();
      const now = backend.time();
      if (roster.rows.get(id)?.details !== details) change(roster);
      roster.rows.set(id, { id, beat: now, positions, details });
      for (const row of roster.rows.values()) {
        if (forget === 0 || now - row.beat <= forget) continue;
        roster.rows.delete(row.id);
        change(roster);
      }
      return { now, version: roster.version };
    },
    async read() {
      return { now: backend.time(), rows: [...state().rows.values()] };
    },
    async leave({ id }) {
      const roster = state();
      if (roster.rows.delete(id)) change(roster);
    },
  };
}
