import { randomBytes } from "node:crypto";
import type { RedisBackend } from "../backend/backend.js";
import { appendEntry, readLog, syncLog } from "./lua/scripts.generated.js";
import type { LogEntry, LogStore } from "./log-store.js";

type WireEntry = readonly [position: string, origin: string, operation: string, payload: string];

/** Keeps logs as streams of a Redis backend; each script names the one key of the log. */
export function createRedisLogStore(backend: RedisBackend): LogStore {
  return {
    async append({ log, origin, operation, payload, since }) {
      const { key, channel, name } = log;
      const args = { channel, name, origin, operation, payload, since };
      const [status, position] = await backend.run(appendEntry, { keys: { log: key }, args });
      return status === "OK" ? { status, position: position as string } : { status };
    },
    async sync({ log, last, count }) {
      const nonce = randomBytes(12).toString("base64url");
      const { position = "", origin = "", operation = "" } = last ?? {};
      const args = { last: position, origin, operation, count, nonce };
      const [status, now, entries] = await backend.run(syncLog, { keys: { log: log.key }, args });
      return { status, now, entries: readEntries(entries) };
    },
    async read({ log, from, count }) {
      const [, entries] = await backend.run(readLog, { keys: { log: log.key }, args: { from, count } });
      return readEntries(entries);
    },
  };
}

function readEntries(text: string): readonly LogEntry[] {
  const entries = JSON.parse(text) as readonly WireEntry[];
  return entries.map(([position, origin, operation, payload]) => ({ position, origin, operation, payload }));
}
