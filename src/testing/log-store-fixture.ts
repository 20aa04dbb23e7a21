import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { comparePositions, type LogAddress, type LogEntry, type LogStore, type LogSync } from "../feed/log-store.js";

/** What a case gets: a store, a log that nobody has used, and the hands of others on that log. */
export interface LogStoreSetting {
  readonly store: LogStore;
  readonly log: LogAddress;
  /** Resolves with what was published on the log's channel, once that is so many messages. */
  readonly heard: (count: number) => Promise<readonly string[]>;
  /** Keeps the log as it is now; the returned function puts it back, as a failover does with what its new primary had. */
  readonly keep: () => Promise<() => Promise<void>>;
  /** Appends what another program would: a payload and nothing else, at a position of its own if one is given. */
  readonly plant: (payload: string, position?: string) => Promise<string>;
  /** Appends many that tell nothing, and trims the log as an append does. */
  readonly flood: (count: number) => Promise<void>;
  /** Leaves so many of the newest entries. */
  readonly trim: (kept: number) => Promise<void>;
}

/** One case of the suite. */
export interface LogStoreCase {
  /** Begins with the port's method that it is about. */
  readonly name: string;
  /** The log loses entries: one that is delivered again after that is appended again, as it should be. */
  readonly loses?: boolean;
  readonly run: (setting: LogStoreSetting) => Promise<void>;
}

/** Entries in one page; more than any log of a case has, unless it says otherwise. */
export const page: number = 513;

/** An operation that nobody has used. */
export function newOperation(): string {
  return randomBytes(8).toString("base64url");
}

/** Reads the log for the first time; its end, as a follower takes it for what it applied last. */
export async function begin({ store, log }: LogStoreSetting): Promise<LogEntry> {
  const started = await store.sync({ log, last: undefined, count: page });
  assert.equal(started.status, "START");
  return only(started);
}

/** The one entry of an answer. */
export function only({ entries }: LogSync): LogEntry {
  assert.equal(entries.length, 1);
  return entries[0] as LogEntry;
}

/** Appends a payload; the entry as it must be read. */
export async function append(
  { store, log }: LogStoreSetting,
  since: string,
  payload: string,
  operation: string = newOperation(),
): Promise<LogEntry> {
  const result = await store.append({ log, origin: "one", operation, payload, since });
  assert.ok(result.status === "OK", result.status);
  return { position: result.position, origin: "one", operation, payload };
}

/** What follows an entry that is still there, with that entry. */
export async function follow({ store, log }: LogStoreSetting, last: LogEntry): Promise<readonly LogEntry[]> {
  const { status, entries } = await store.sync({ log, last, count: page });
  assert.equal(status, "OK");
  return entries;
}

/** Fails unless the positions rise. */
export function rise(...positions: readonly string[]): void {
  for (const [index, position] of positions.slice(1).entries()) {
    const before = positions[index] as string;
    assert.ok(comparePositions(before, position) < 0, `${position} after ${before}`);
    assert.ok(comparePositions(position, before) > 0, `${position} after ${before}`);
  }
}
