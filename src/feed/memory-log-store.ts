import { randomBytes } from "node:crypto";
import type { MemoryBackend } from "../backend/backend.js";
import { comparePositions, markOrigin, type LogEntry, type LogStore } from "./log-store.js";

const kept = 10_000;
const searched = 512;

/** Keeps logs in the embedded backend, as a server keeps streams; each method is synchronous inside. */
export function createMemoryLogStore(backend: MemoryBackend): LogStore {
  function entriesOf(key: string): LogEntry[] {
    const { logs } = backend.room("feed", () => ({ logs: new Map<string, LogEntry[]>() }));
    const entries = logs.get(key) ?? [];
    logs.set(key, entries);
    return entries;
  }

  function add(entries: LogEntry[], entry: Omit<LogEntry, "position">, above = "0-0"): string {
    const last = positionOf(entries.at(-1));
    const position = next(comparePositions(last, above) < 0 ? above : last, backend.time());
    entries.push({ position, ...entry });
    if (entries.length > kept) entries.splice(0, entries.length - kept);
    return position;
  }

  return {
    async append({ log, origin, operation, payload, since }) {
      const entries = entriesOf(log.key);
      const later = entries.slice(indexOf(entries, since));
      const found = later.slice(0, searched + 1).find((entry) => entry.operation === operation);
      if (found !== undefined) return { status: "OK", position: found.position };
      if (later.length > searched) return { status: "UNKNOWN" };
      const previous = positionOf(entries.at(-1));
      const position = add(entries, { origin, operation, payload });
      const hint = JSON.stringify([log.name, previous, position, origin, operation, payload]);
      await backend.publish(log.channel, hint);
      return { status: "OK", position };
    },
    async sync({ log, last, count }) {
      const entries = entriesOf(log.key);
      const now = backend.time();
      if (last !== undefined) {
        const from = indexOf(entries, last.position);
        const { position, origin, operation } = entries[from] ?? { position: undefined };
        if (position === last.position && origin === last.origin && operation === last.operation)
          return { status: "OK", now, entries: entries.slice(from, from + count) };
      }
      const isBehind = last !== undefined && comparePositions(last.position, positionOf(entries[0])) < 0;
      const status = last === undefined ? "START" : isBehind && entries.length >= kept ? "CUT" : "FORK";
      const end = entries.at(-1);
      if (end === undefined || (last !== undefined && comparePositions(end.position, last.position) <= 0)) {
        const mark = { origin: markOrigin, operation: randomBytes(12).toString("base64url"), payload: "" };
        add(entries, mark, last?.position);
      }
      return { status, now, entries: entries.slice(-1) };
    },
  };
}

/** Where the first entry at or after a position is; looked for from the end, where it mostly is. */
function indexOf(entries: readonly LogEntry[], position: string): number {
  let index = entries.length;
  while (index > 0 && comparePositions(positionOf(entries[index - 1]), position) >= 0) index -= 1;
  return index;
}

function positionOf(entry: LogEntry | undefined): string {
  return entry?.position ?? "0-0";
}

/** The position after `last`, by the clock where that is later. */
function next(last: string, now: number): string {
  const [time = "", sequence = ""] = last.split("-");
  return now > Number(time) ? `${now}-0` : `${time}-${BigInt(sequence) + 1n}`;
}
