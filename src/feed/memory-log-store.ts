import { randomBytes } from "node:crypto";
import type { MemoryBackend } from "../backend/backend.js";
import { StorageFullError } from "../core/errors.js";
import {
  comparePositions,
  markOrigin,
  type LogAddress,
  type LogEntry,
  type LogStore,
  type LogSync,
} from "./log-store.js";

/** An entry, and what it takes of the budget; 0 when it had to be stored although that was used up. */
export interface StoredEntry extends LogEntry {
  readonly bytes: number;
}

type AppendResult = ReturnType<LogStore["append"]>;

const kept = 10_000;
const searched = 512;
// About what an entry's object and the headers of its strings take in V8.
const entryOverhead = 250;

/** Keeps logs in the embedded backend, as a server keeps streams; each method is synchronous inside. */
export function createMemoryLogStore(backend: MemoryBackend): LogStore {
  return new MemoryLogStore(backend);
}

/**
 * Appends an entry together with the change that it tells of, and hints at it, as `append.lua` does.
 *
 * Never refused: whoever changes something asks for the room before.
 */
export function appendToMemoryLog(
  backend: MemoryBackend,
  log: LogAddress,
  { origin, operation, payload }: Omit<LogEntry, "position">,
): string {
  const bytes = entryOverhead + Buffer.byteLength(payload);
  return appendEntry(backend, log, { origin, operation, payload, bytes: backend.budget.claim(bytes) ? bytes : 0 });
}

class MemoryLogStore implements LogStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async append({ log, origin, operation, payload, since }: Parameters<LogStore["append"]>[0]): AppendResult {
    const { budget } = this.#backend;
    const entries = entriesOf(this.#backend, log.key);
    const later = entries.slice(indexOf(entries, since));
    if (later[0]?.position !== since) return { status: "UNKNOWN" };
    const found = later.slice(0, searched + 1).find((entry) => entry.operation === operation);
    if (found !== undefined) return { status: "OK", position: found.position };
    if (later.length > searched) return { status: "UNKNOWN" };
    const bytes = entryOverhead + Buffer.byteLength(payload);
    if (!budget.claim(bytes)) {
      throw new StorageFullError("the embedded backend has no room for another entry of a log", {
        help: "raise the backend's memory limit, or use a Redis backend",
      });
    }
    return { status: "OK", position: appendEntry(this.#backend, log, { origin, operation, payload, bytes }) };
  }

  async sync({ log, last, count }: Parameters<LogStore["sync"]>[0]): Promise<LogSync> {
    const entries = entriesOf(this.#backend, log.key);
    const now = this.#backend.time();
    if (last !== undefined) {
      const from = indexOf(entries, last.position);
      const { position, origin, operation } = entries[from] ?? { position: undefined };
      if (position === last.position && origin === last.origin && operation === last.operation)
        return { status: "OK", now, entries: read(entries, from, count) };
    }
    const isBehind = last !== undefined && comparePositions(last.position, positionOf(entries[0])) < 0;
    const status = last === undefined ? "START" : isBehind && entries.length >= kept ? "CUT" : "FORK";
    const end = entries.at(-1);
    if (end === undefined || (last !== undefined && comparePositions(end.position, last.position) <= 0)) {
      const operation = randomBytes(12).toString("base64url");
      // A mark is made however full the memory is: following must go on.
      addEntry(this.#backend, entries, { origin: markOrigin, operation, payload: "", bytes: 0 }, last?.position);
    }
    return { status, now, entries: read(entries, -1, 1) };
  }

  async read({ log, from, count }: Parameters<LogStore["read"]>[0]): Promise<readonly LogEntry[]> {
    const entries = entriesOf(this.#backend, log.key);
    return read(entries, indexOf(entries, from), count);
  }
}

function entriesOf(backend: MemoryBackend, key: string): StoredEntry[] {
  const { logs } = backend.room("feed", () => ({ logs: new Map<string, StoredEntry[]>() }));
  const entries = logs.get(key) ?? [];
  logs.set(key, entries);
  return entries;
}

function appendEntry(backend: MemoryBackend, log: LogAddress, entry: Omit<StoredEntry, "position">): string {
  const entries = entriesOf(backend, log.key);
  const previous = entries.at(-1);
  const before = [positionOf(previous), previous?.operation ?? ""];
  const position = addEntry(backend, entries, entry);
  const hint = JSON.stringify([log.name, ...before, position, entry.origin, entry.operation, entry.payload]);
  // Told to listeners of this process after this turn; it is refused only when the backend is closed.
  void backend.publish(log.channel, hint).catch(() => undefined);
  return position;
}

function addEntry(
  backend: MemoryBackend,
  entries: StoredEntry[],
  entry: Omit<StoredEntry, "position">,
  above = "0-0",
): string {
  const last = positionOf(entries.at(-1));
  const position = next(comparePositions(last, above) < 0 ? above : last, backend.time());
  entries.push({ position, ...entry });
  for (const { bytes } of entries.splice(0, Math.max(0, entries.length - kept))) backend.budget.release(bytes);
  return position;
}

function read(entries: readonly StoredEntry[], from: number, count: number): readonly LogEntry[] {
  const found = entries.slice(from).slice(0, count);
  return found.map(({ position, origin, operation, payload }) => ({ position, origin, operation, payload }));
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
