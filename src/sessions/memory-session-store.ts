import type { MemoryBackend } from "../backend/backend.js";
import { StorageFullError } from "../core/errors.js";
import { sessionKey } from "./identifier.js";
import {
  findWrite,
  formatSession,
  formatTombstone,
  parseRecord,
  parseStored,
  writersKept,
  type Writer,
} from "./record.js";
import type {
  DestroyResult,
  LoadResult,
  PutParams,
  PutResult,
  SessionRecord,
  SessionStore,
  TouchResult,
  UpdateParams,
  UpdateResult,
  WriteId,
} from "./session-store.js";
import { TextTable } from "../backend/text-table.js";

/**
 * Sessions in the process' memory, as the same texts that Redis would hold, so that nothing is shared by reference.
 *
 * Every method decides and acts in one synchronous step; the promise only carries the answer.
 */
export class MemorySessionStore implements SessionStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async load({ selector }: { readonly selector: string }): Promise<LoadResult> {
    const found = this.#open().get(this.#key(selector));
    if (found === undefined) return { status: "missing" };
    const record = parseRecord(found.text);
    if (record === undefined) return { status: "corrupt" };
    if (record === "tombstone") return { status: "missing" };
    return { status: "found", record, remaining: found.expiresAt - this.#backend.time() };
  }

  async put(params: PutParams): Promise<PutResult> {
    const { selector, token, idle, absolute, cookie, payload, write } = params;
    const table = this.#open();
    const now = this.#backend.time();
    const { record, writers } = this.#read(table, selector);
    const { made, later, others } = findWrite(writers, write, now);
    if (record === undefined && (made !== undefined || later)) return { status: "gone" };
    if (record !== undefined && made !== undefined) return { status: "done", version: made, created: record.created };
    if (later) return { status: "superseded" };

    const replaced = record !== undefined && timeToLive(idle, record.absoluteAt, now) > 0 ? record : undefined;
    // A tombstone's writers count too: within its millisecond the creation does not tell two sessions apart.
    const version = this.#nextVersion(Math.max(record?.version ?? 0, ...writers.map((writer) => writer.version)));
    const created = replaced?.created ?? now;
    const absoluteAt = replaced?.absoluteAt ?? (absolute > 0 ? now + absolute : 0);
    this.#write(
      table,
      selector,
      { version, created, idle, absoluteAt, token, previousToken: "", previousUntil: 0, cookie, payload },
      [{ ...write, version, at: now }, ...others],
    );
    return { status: "done", version, created };
  }

  async update(params: UpdateParams): Promise<UpdateResult> {
    const { selector, token, created, baseVersion, idle, cookie, payload, write } = params;
    const table = this.#open();
    const now = this.#backend.time();
    const { record, writers } = this.#read(table, selector);
    if (record === undefined || record.token !== token || record.created !== created) return { status: "gone" };
    const { made, later, others } = findWrite(writers, write, now);
    if (made !== undefined) return { status: "done", version: made };
    if (later) return { status: "superseded" };
    if (record.version !== baseVersion) return { status: "conflict", record };
    if (timeToLive(idle, record.absoluteAt, now) <= 0) return { status: "gone" };

    const version = this.#nextVersion(record.version);
    const next = { ...record, version, idle, cookie: cookie ?? record.cookie, payload: payload ?? record.payload };
    this.#write(table, selector, next, [{ ...write, version, at: now }, ...others]);
    return { status: "done", version };
  }

  async touch({ selector, token }: { readonly selector: string; readonly token: string }): Promise<TouchResult> {
    const table = this.#open();
    const { record } = this.#read(table, selector);
    if (record === undefined || record.token !== token) return { status: "gone" };
    const now = this.#backend.time();
    const remaining = table.extend(this.#key(selector), now + timeToLive(record.idle, record.absoluteAt, now)) - now;
    return { status: "done", remaining };
  }

  async destroy(params: {
    readonly selector: string;
    readonly token: string;
    readonly write: WriteId;
  }): Promise<DestroyResult> {
    const { selector, token, write } = params;
    const table = this.#open();
    const now = this.#backend.time();
    const { record, writers } = this.#read(table, selector);
    const { made, later, others } = findWrite(writers, write, now);
    if (made !== undefined) return { status: made > 0 ? "done" : "gone" };
    if (later || (record !== undefined && record.token !== token)) return { status: "gone" };
    const version = record === undefined ? 0 : record.version + 1;
    const text = formatTombstone([{ ...write, version, at: now }, ...others]);
    table.force(this.#key(selector), text, now + writersKept);
    return { status: record === undefined ? "gone" : "done" };
  }

  /** Throws `ClosedError` once the backend is closed. */
  #open(): TextTable {
    return this.#backend.room("sessions", () => new TextTable(this.#backend));
  }

  /** As the scripts have it, in microseconds; `last + 1` is for the writes of one millisecond, which is all the clock tells. */
  #nextVersion(last: number): number {
    return Math.max(last + 1, this.#backend.time() * 1000);
  }

  #key(selector: string): string {
    return sessionKey(this.#backend.keys, selector);
  }

  /** What a mutation starts from; what cannot be read holds no session. */
  #read(table: TextTable, selector: string): { readonly record?: SessionRecord; readonly writers: readonly Writer[] } {
    const found = table.get(this.#key(selector));
    const stored = found && parseStored(found.text);
    if (stored === undefined) return { writers: [] };
    return stored.kind === "session" ? { record: stored.record, writers: stored.writers } : { writers: stored.writers };
  }

  #write(table: TextTable, selector: string, record: SessionRecord, writers: readonly Writer[]): void {
    const now = this.#backend.time();
    const expiresAt = now + timeToLive(record.idle, record.absoluteAt, now);
    if (!table.set(this.#key(selector), formatSession(record, writers), expiresAt)) {
      throw new StorageFullError("the embedded backend has no room for another write of a session", {
        help: "raise the backend's memory limit, or use a Redis backend",
      });
    }
  }
}

function timeToLive(idle: number, absoluteAt: number, now: number): number {
  return absoluteAt === 0 ? idle : Math.min(idle, absoluteAt - now);
}
