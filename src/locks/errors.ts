import { FleetError, type FleetErrorDetails } from "../core/errors.js";
import type { LockHolder } from "./lock-notes.js";

/** What an error about a lock carries beside its message. */
export interface LockErrorDetails extends FleetErrorDetails {
  readonly lock: string;
  readonly holder?: LockHolder | undefined;
}

/** The lock is not to be had now; nobody waited for it. `holder` says who has it, since when and until when. */
export class LockBusyError extends FleetError {
  readonly lock: string;
  readonly holder: LockHolder | undefined;

  constructor(message: string, { lock, holder, ...details }: LockErrorDetails, code = "ERR_FLEET_LOCK_BUSY") {
    super(code, message, { retryable: true, status: 423, ...details });
    this.lock = lock;
    this.holder = holder;
  }
}

/** The lock was not to be had in time. `holder` is whoever had it last, as far as it was heard; `cause` what hindered the asking. */
export class LockTimeoutError extends LockBusyError {
  /** Milliseconds. */
  readonly waited: number;
  /** How many were ahead at last: waiters of this process, and other processes. */
  readonly ahead: number;

  constructor(message: string, details: LockErrorDetails & { readonly waited: number; readonly ahead: number }) {
    const { waited, ahead, ...rest } = details;
    super(message, rest, "ERR_FLEET_LOCK_TIMEOUT");
    this.waited = waited;
    this.ahead = ahead;
  }
}

/**
 * Why a lock was lost.
 *
 * - `expired`: it was not to be renewed, or its lease ended before it could be.
 * - `renew-failed`: the backend did not answer until the lease ended.
 * - `stalled`: this process did not run until the lease had ended.
 * - `stolen`, `forced`: somebody took it; `by` and `why` say who and why.
 * - `failover`: the server does not know of it any more; a failover lost it, or somebody removed it.
 * - `max-hold`: it was held for as long as it may be.
 * - `closed`: the fleet was closed.
 */
export type LossReason =
  | "expired"
  | "renew-failed"
  | "stalled"
  | "stolen"
  | "forced"
  | "failover"
  | "max-hold"
  | "closed";

/** The lock was lost while it was held; what was done since may have met with somebody else's work. */
export class LockLostError extends FleetError {
  readonly lock: string;
  readonly token: number;
  readonly reason: LossReason;
  /** Who took it by force. */
  readonly by: string | undefined;
  /** What they said why. */
  readonly why: string | undefined;

  constructor(
    reason: LossReason,
    details: FleetErrorDetails & {
      readonly lock: string;
      readonly token: number;
      readonly by?: string | undefined;
      readonly why?: string | undefined;
    },
  ) {
    const { lock, token, by, why, ...rest } = details;
    const who = by === undefined ? "" : ` by ${by}`;
    const because = why === undefined ? "" : `: ${why}`;
    super("ERR_FLEET_LOCK_LOST", `the lock ${JSON.stringify(lock)} was lost (${reason}${who}${because})`, {
      status: 409,
      executed: "maybe",
      ...rest,
    });
    this.lock = lock;
    this.token = token;
    this.reason = reason;
    this.by = by;
    this.why = why;
  }
}

/** The caller has this lock already and would wait for itself. */
export class SelfDeadlockError extends FleetError {
  readonly lock: string;

  constructor(lock: string) {
    super(
      "ERR_FLEET_LOCK_SELF_DEADLOCK",
      `the lock ${JSON.stringify(lock)} is held by the very code that waits for it`,
      {
        help: "nest `using`, which shares the lock, or start what shall wait outside of it",
      },
    );
    this.lock = lock;
  }
}

/** Somebody with a later token was here: whoever has this one has lost the lock. */
export class StaleTokenError extends FleetError {
  readonly token: number;
  /** The later one that was seen. */
  readonly seen: number;

  constructor(what: string, token: number, seen: number) {
    super("ERR_FLEET_LOCK_STALE_TOKEN", `${what} has seen the token ${seen}, and refuses the older ${token}`, {
      status: 409,
    });
    this.token = token;
    this.seen = seen;
  }
}
