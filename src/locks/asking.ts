import { isFleetError } from "../core/errors.js";
import type { LockWait } from "./lock-store.js";

/** Milliseconds between two questions of a process that waits; four of them missed, and it loses its place. */
export const heartbeat = 1_500;
/** Milliseconds after which is asked again where nobody is known who would tell. */
export const nobodyReached = 100;

const spread = 0.1;
const afterExpiry = 5;
const expirySpread = 15;

/** Milliseconds until a process that waits looks again whether it was granted the lock. */
export function pollDelay({ position, left, holder, isGuarded }: LockWait): number {
  const beat = heartbeat * (1 + spread * (2 * Math.random() - 1));
  if (position !== 0) return beat;
  // It is free, and those who are ahead cannot be told: this one may be the first who asks.
  if (holder === undefined && !isGuarded) return nobodyReached;
  return Math.min(beat, left + afterExpiry + Math.random() * expirySpread);
}

/** Whether the backend may have carried out what failed. */
export function mayBeDone(error: unknown): boolean {
  return !isFleetError(error) || error.executed !== "no";
}
