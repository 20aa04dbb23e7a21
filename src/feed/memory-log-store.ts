import { randomBytes } from "node:crypto";
import type { MemoryBackend } from "../backend/backend.js";
import { comparePositions, markOrigin, type LogEntry, type LogStore } from "./log-store.js";

const kept = 10_000;
const searched = 512;

/** Keeps logs in the embedded backend; each method is synchronous inside. */
export function createMemoryLogStore(backend: MemoryBackend): LogStore {
  const logs = (): Map<string, LogEntry[]> => backend.room("feed", () => ({ logs: new Map() })).logs;

  function entriesOf(key: string): LogEntry[] {
    const all = logs();
    const entries = all.get(key) ?? [];
    all.set(key, entries);
    return entries;
  }

  function add(entries: LogEntry[], entry: Omit<LogEntry, "position">): string {
    const last = entries.at(-1)?.position ?? "0-0";
    const [time = 0, sequence = 0] = last.split("-").map(Number);
    const now = backend.time();
    const position = now > time ? `${now}-0` : `${time}-${sequence + 1}`;
    entries.push({ position, ...entry });
    if (entries.length > kept) entries.splice(0, entries.length - kept);
    return position;
  }

  return {
    append({ log, origin, operation, payload, since }) {
      const entries = entriesOf(log.key);
      const later = entries.filter(({ position }) => comparePositions(position, since) >= 0);
      const found = later.slice(0, searched + 1).find((entry) => entry.operation === operation);
      if (found !== undefined) return Promise.resolve({ status: "OK", position: found.position });
      if (later.length > searched) return Promise.resolve({ status: "UNKNOWN" });
      const previous = entries.at(-1)?.position ?? "0-0";
      const position = add(entries, { origin, operation, payload });
      const hint = JSON.stringify([log.name, previous, position, origin, operation, payload]);
      void backend.publish(log.channel, hint);
      return Promise.resolve({ status: "OK", position });
    },
    sync({ log, last, count }) {
      const entries = entriesOf(log.key);
      const now = backend.time();
      const from = last === undefined ? -1 : entries.findIndex(({ position }) => position === last.position);
      if (from >= 0) return Promise.resolve({ status: "OK", now, entries: entries.slice(from, from + count) });
      const isCut = last !== undefined && entries.length >= kept;
      if (entries.length === 0) {
        add(entries, { origin: markOrigin, operation: randomBytes(12).toString("base64url"), payload: "" });
      }
      const status = last === undefined ? "START" : isCut ? "CUT" : "FORK";
      return Promise.resolve({ status, now, entries: entries.slice(-1) });
    },
  };
}
