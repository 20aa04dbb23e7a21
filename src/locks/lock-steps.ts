import { holderOf, tokensPerGrant, type LockRecord } from "./lock-record.js";
import type { AskResult, LockClaim, LockGrant, LockRequest } from "./lock-store.js";

/** Whoever is to be told what, once the lock is stored. */
export type LetterList = (readonly [to: string, kind: "granted" | "lost", payload: string])[];

const endedKept = 10_000;
const graceOfHandoff = 4_000;

/**
 * A request for a lock, new or asked again, on a record; as `lua/ask.lua` does it, without what only a server can lose.
 *
 * `now` is the backend's time in milliseconds; `letters` gets what has to be told.
 */
export function askFor(
  lock: LockRecord,
  { process, number }: LockRequest,
  { lease, patience, notes }: LockClaim,
  now: number,
  letters: LetterList,
): AskResult {
  if (hasEnded(lock, process, number)) return { status: "ended" };
  const held = heldBy(lock, process, now);
  if (held === number) return toGrant(lock, now);
  const waits = lock.waiters.find((waiter) => waiter.process === process)?.number;
  if (Math.max(held ?? 0, waits ?? 0) > number) return { status: "ended" };
  // It asks anew, so it has given up what it held or waited for; the end of that was lost on the way.
  if (held !== undefined) release(lock, process, held, now);
  if (waits !== undefined && waits < number) {
    removeWaiter(lock, process);
    markEnded(lock, process, waits, now);
  }
  const mine = { process, number, lease, notes };
  const isFree = lock.expires <= now;
  if (isFree && lock.waiters.length === 0) return grantTo(lock, mine, now);
  const position = patience > 0 ? putWaiter(lock, { ...mine, until: now + patience, since: now }, now) : undefined;
  if (isFree) {
    promoteFirst(lock, process, now, letters);
    if (lock.expires <= now) return grantTo(lock, mine, now);
    if (lock.owner === process) return toGrant(lock, now);
  }
  const holder = holderOf(lock, now);
  return { status: "waiting", position, left: Math.max(0, lock.expires - now), now, holder, isGuarded: false };
}

/** The number of the request with which a process has the lock. */
export function heldBy(lock: LockRecord, process: string, now: number): number | undefined {
  return lock.owner === process && lock.expires > now ? lock.number : undefined;
}

/** Nobody has it any more; the request that did has ended. */
export function release(lock: LockRecord, process: string, number: number, now: number): void {
  lock.owner = "";
  lock.expires = 0;
  markEnded(lock, process, number, now);
}

/** Whether the process has ended this request, or a later one, in the last ten seconds. */
export function hasEnded(lock: LockRecord, process: string, number: number): boolean {
  return lock.ended.some((each) => each.process === process && each.number >= number);
}

/** Notes that a request has ended. */
export function markEnded(lock: LockRecord, process: string, number: number, now: number): void {
  const others = lock.ended.filter((each) => each.process !== process && each.at > now - endedKept);
  lock.ended = [...others, { process, number, at: now }];
}

/** Takes its place from a process. */
export function removeWaiter(lock: LockRecord, process: string): void {
  lock.waiters = lock.waiters.filter((waiter) => waiter.process !== process);
}

/** Gives the lock to a request, with sixteen tokens, so that the process can pass it among its own waiters. */
export function grantTo(
  lock: LockRecord,
  to: { readonly process: string; readonly number: number; readonly lease: number; readonly notes: string },
  now: number,
): LockGrant {
  // As the scripts have it, in microseconds; `+ 1` is for the grants of one millisecond, which is all the clock tells.
  lock.token = Math.max(lock.lastToken + 1, now * 1000);
  lock.lastToken = lock.token + tokensPerGrant - 1;
  lock.owner = to.process;
  lock.number = to.number;
  lock.notes = to.notes;
  lock.since = now;
  lock.expires = now + to.lease;
  return toGrant(lock, now);
}

/** Whether a token belongs to the present grant, and not to an older one of the same request. */
export function isOfGrant({ lastToken }: LockRecord, token: number): boolean {
  return token > lastToken - tokensPerGrant;
}

/** The answer to whoever has the lock. */
export function toGrant({ token, lastToken, expires }: LockRecord, now: number): LockGrant {
  return { status: "granted", token, lastToken, now, lease: expires - now };
}

/** Grants a free lock to the first waiter that lives; whoever is not the caller is told, and has four seconds to renew. */
export function promoteFirst(lock: LockRecord, caller: string | undefined, now: number, letters: LetterList): void {
  const living = lock.waiters.filter(({ until }) => until > now);
  const [first, ...others] = living;
  lock.waiters = others;
  if (first === undefined) return;
  const { process, number, notes } = first;
  const isCaller = process === caller;
  grantTo(lock, { process, number, notes, lease: isCaller ? first.lease : Math.min(first.lease, graceOfHandoff) }, now);
  if (isCaller) return;
  letters.push([
    process,
    "granted",
    [number, lock.token, lock.lastToken, now, lock.expires - now].map(String).join("|"),
  ]);
}

function putWaiter(lock: LockRecord, waiter: LockRecord["waiters"][number], now: number): number {
  const at = lock.waiters.findIndex(({ process }) => process === waiter.process);
  const before = lock.waiters[at];
  if (before !== undefined) {
    lock.waiters = lock.waiters.with(at, { ...waiter, since: before.since });
    return at;
  }
  // Those who died would else stay for as long as somebody has the lock.
  lock.waiters = [...lock.waiters.filter(({ until }) => until > now), waiter];
  return lock.waiters.length - 1;
}
