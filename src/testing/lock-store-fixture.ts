import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { AskResult, LockClaim, LockGrant, LockRequest, LockStore, LockWait } from "../locks/lock-store.js";

/** What a case gets: a store, its clock, the letters that it sends, and ways to meddle with what is stored. */
export interface LockStoreSetting {
  readonly store: LockStore;
  /** Resolves when so many milliseconds have passed on the clock that decides expiry. */
  readonly elapse: (milliseconds: number) => Promise<void>;
  /** Stores a text under the lock's key, as another program or a damaged disk would; nothing removes what is there. */
  readonly plant: (name: string, text: string | undefined) => Promise<void>;
  /** The same under a register's key. */
  readonly plantRegister: (register: string, text: string) => Promise<void>;
  /** From now on an instance hears its mailbox; resolves to what it has heard, which grows. */
  readonly listen: (process: string) => Promise<readonly string[]>;
  /** Resolves when everything that was sent to an instance before has been heard. */
  readonly settle: (process: string) => Promise<void>;
}

/** A setting whose storage can be filled. */
export interface FillableLockStoreSetting extends LockStoreSetting {
  /** From now on the storage refuses what creates data. */
  readonly fill: () => Promise<void>;
  /** Ends that. */
  readonly drain: () => Promise<void>;
}

/** One case of the suite. */
export interface LockStoreCase {
  /** Begins with the port's method that it is about. */
  readonly name: string;
  /** It lets something expire: a call that is delivered again after that finds another state, and may act. */
  readonly expires?: boolean;
  /** It is about what only the first delivery of a call can answer. */
  readonly once?: boolean;
  readonly run: (setting: LockStoreSetting) => Promise<void>;
}

/** Milliseconds that no case lasts. */
export const long: number = 30_000;

/** An instance that makes requests. */
export class Instance {
  readonly process: string = randomBytes(12).toString("base64url");
  #number = 0;

  /** Its next request. */
  request(name: string): LockRequest {
    this.#number += 1;
    return { name, process: this.process, number: this.#number };
  }
}

/** A name that no other case uses. */
export function newName(): string {
  return `lock ${randomBytes(9).toString("base64url")}`;
}

/** What `ask` is given. */
export function claim(changes: Partial<LockClaim> = {}): LockClaim {
  return { lease: long, patience: long, notes: '{"reason":"test"}', ...changes };
}

/** Fails unless the lock was granted. */
export function granted(result: { readonly status: string }): LockGrant {
  assert.equal(result.status, "granted", JSON.stringify(result));
  return result as LockGrant;
}

/** Fails unless the request waits. */
export function waiting(result: AskResult): LockWait {
  assert.equal(result.status, "waiting", JSON.stringify(result));
  return result as LockWait;
}

/** What a letter says of a grant. */
export interface GrantLetter {
  readonly number: number;
  readonly token: number;
  readonly lastToken: number;
  readonly now: number;
  readonly lease: number;
}

/** Reads a letter `granted`; fails for any other. */
export function readGranted(letter: string | undefined): GrantLetter {
  const match = /^locks\|granted\|\|\|\S+\n(\d+)\|(\d+)\|(\d+)\|(\d+)\|(\d+)$/.exec(letter ?? "");
  assert.ok(match !== null, `no letter of a grant: ${letter}`);
  const [number = 0, token = 0, lastToken = 0, now = 0, lease = 0] = match.slice(1).map(Number);
  return { number, token, lastToken, now, lease };
}

/** Requests of so many instances that hear their mailboxes, each of which waits for the lock behind those before it. */
export async function queue(
  { store, listen }: LockStoreSetting,
  name: string,
  count: number,
  changes: Partial<LockClaim> = {},
): Promise<readonly { readonly request: LockRequest; readonly heard: readonly string[] }[]> {
  const waiters: { request: LockRequest; heard: readonly string[] }[] = [];
  for (let place = 0; place < count; place += 1) {
    const request = new Instance().request(name);
    const heard = await listen(request.process);
    assert.equal(waiting(await store.ask(request, claim(changes))).position, place);
    waiters.push({ request, heard });
  }
  return waiters;
}

/** The instances that wait, first to last, and who has the lock. */
export async function shape(
  store: LockStore,
  name: string,
): Promise<{ readonly holder: string | undefined; readonly waiters: readonly string[] }> {
  const { holder, waiters } = await store.inspect(name);
  return { holder: holder?.process, waiters: waiters.map(({ process }) => process) };
}
