import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type {
  LoadResult,
  PutParams,
  PutResult,
  SessionRecord,
  SessionStore,
  UpdateParams,
  UpdateResult,
  WriteId,
} from "../sessions/session-store.js";

/** What a case gets: a store, its clock, and a way to put a foreign text under a session's key. */
export interface SessionStoreSetting {
  readonly store: SessionStore;
  /** Resolves when so many milliseconds have passed on the clock that decides expiry. */
  readonly elapse: (milliseconds: number) => Promise<void>;
  /** Stores a text under the session's key, as another program, a damaged disk or a failover to an older state would. */
  readonly plant: (selector: string, text: string) => Promise<void>;
}

/** One case of the suite. */
export interface SessionStoreCase {
  /** Begins with the port's method that it is about. */
  readonly name: string;
  /** It lets a session expire: a create that is delivered again after that is a new session (idle times below 10 s have no tombstone). */
  readonly expires?: boolean;
  readonly run: (setting: SessionStoreSetting) => Promise<void>;
}

/** Milliseconds. */
export const idle: number = 60_000;
/** A cookie's attributes, and others. */
export const cookie: string = '{"originalMaxAge":null,"httpOnly":true,"path":"/"}';
export const other: string = '{"originalMaxAge":1000,"httpOnly":true,"path":"/"}';

/** The numbers of one process' writes. */
export class Process {
  readonly #processId = randomBytes(8).toString("base64url");
  #sequence = 0;

  write(): WriteId {
    this.#sequence += 1;
    return { processId: this.#processId, sequence: this.#sequence };
  }
}

/** A session's address. */
export interface Session {
  readonly selector: string;
  readonly token: string;
}

/** An address that nobody has used. */
export function newSession(): Session {
  return { selector: randomBytes(16).toString("base64url"), token: randomBytes(32).toString("base64url") };
}

/** What `put` is given. */
export function put(session: Session, write: WriteId, changes: Partial<PutParams> = {}): PutParams {
  return { ...session, idle, absolute: 0, cookie, payload: '{"a":1}', write, ...changes };
}

/** What `update` is given. */
export function update(
  session: Session,
  base: { created: number; version: number },
  write: WriteId,
  changes: Partial<UpdateParams> = {},
): UpdateParams {
  const { created, version: baseVersion } = base;
  return { ...session, created, baseVersion, idle, cookie: undefined, payload: '{"a":2}', write, ...changes };
}

/** Puts a session and reads it back. */
export async function create(
  store: SessionStore,
  session: Session,
  write: WriteId,
  changes: Partial<PutParams> = {},
): Promise<SessionRecord> {
  assert.equal((await store.put(put(session, write, changes))).status, "done");
  return found(await store.load(session)).record;
}

/** What `load` gave, which must be a session. */
export function found(result: LoadResult): Extract<LoadResult, { status: "found" }> {
  assert.equal(result.status, "found");
  return result as Extract<LoadResult, { status: "found" }>;
}

/** The text of a session of which the given write was the first and only one. */
export function textOf(record: SessionRecord, { processId, sequence }: WriteId): string {
  const { version, created, absoluteAt, token } = record;
  const attributes = Buffer.from(record.cookie).toString("base64url");
  const writer = `${processId}:${sequence}:${version}:${created}`;
  const header = ["1", version, created, record.idle, absoluteAt, token, "", 0, attributes, writer];
  return `${header.join("|")}\n${record.payload}`;
}

/** The version that a write made; fails unless it was applied. */
export function done(result: PutResult | UpdateResult): number {
  assert.ok(result.status === "done", JSON.stringify(result));
  return result.version;
}

/** Fails unless there is no such session. */
export async function isMissing(store: SessionStore, session: Session): Promise<void> {
  assert.deepEqual(await store.load(session), { status: "missing" });
}
