import { LockBusyError, LockTimeoutError } from "./errors.js";
import type { LocalWaiter } from "./local-waiter.js";
import { describeHolder, type LockHolder } from "./lock-notes.js";
import type { LockWait } from "./lock-store.js";

/** What stands in the way of somebody who does not wait. */
export function refuseBusy(name: string, holder: LockHolder | undefined, wait: LockWait | undefined): LockBusyError {
  return new LockBusyError(`the lock ${JSON.stringify(name)} is not free: ${inTheWay(holder, wait)}`, {
    lock: name,
    holder,
    ...(wait === undefined ? {} : { retryAfter: wait.left }),
  });
}

/** What stood in the way of somebody whose time is over. */
export function refuseLate(
  name: string,
  waiter: LocalWaiter,
  seen: {
    readonly holder: LockHolder | undefined;
    readonly wait: LockWait | undefined;
    readonly cause: unknown;
    readonly ahead: number;
  },
): LockTimeoutError {
  const { holder, wait, ...rest } = seen;
  const waited = waiter.wanted.terms.wait;
  return new LockTimeoutError(
    `the lock ${JSON.stringify(name)} was not to be had within ${waited} ms: ${inTheWay(holder, wait)}`,
    { lock: name, holder, waited, ...rest },
  );
}

function inTheWay(holder: LockHolder | undefined, wait: LockWait | undefined): string {
  if (wait?.isGuarded === true)
    return `the server has failed over or started anew, and may have lost who holds what; it grants again in ${wait.left} ms`;
  return `it is held by ${describeHolder(holder)}`;
}

/** The failover guard stands in the way of somebody who would not wait for anybody. */
export function refuseGuarded(name: string, left: number): LockBusyError {
  const wait: LockWait = { status: "waiting", position: undefined, left, now: 0, holder: undefined, isGuarded: true };
  return refuseBusy(name, undefined, wait);
}
