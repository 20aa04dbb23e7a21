import type { LocksOptions } from "../../src/locks/index.js";
import type { TopologyConfig } from "../support/servers/running-topology.js";

/**
 * What a process under drill does without, to see that the drill notices:
 * - `everything`: a lock of `SET NX PX` and compare-and-delete, without anything of ours.
 * - `owner check`: our scripts, which do not look whose request they end or renew.
 * - `validity check`: a holder that does not look at how much of its lease is left.
 */
export type LockLack = "everything" | "owner check" | "validity check";

/** What a worker is told by its environment. */
export interface LocksPlan {
  readonly config: TopologyConfig;
  readonly namespace: string;
  /** Its name, without spaces. */
  readonly member: string;
  /** The file that it writes what it saw to. */
  readonly trace: string;
  readonly names: readonly string[];
  /** Callers at work at the same time. */
  readonly callers: number;
  /** Milliseconds that a patient caller waits for a lock; one of four is, the others go on soon. */
  readonly wait: number;
  readonly options: LocksOptions;
  readonly lack: LockLack | undefined;
  /** The share of attempts that steal the lock. */
  readonly steals: number;
  /** Milliseconds of the longest holds, about one of forty. */
  readonly longHold: number;
}

/** How an attempt at a lock ended. */
export type LockOutcome =
  /** It was had and given back. */
  | "released"
  /** It was had and lost; the code says why. */
  | "lost"
  /** It was granted, and over at the first look. */
  | "over"
  | "timeout"
  | "busy"
  /** A typed error of the fleet. */
  | "refused"
  /** Any other error: it should not be there. */
  | "broken";

/**
 * What happened in a worker, one line of its trace for each; `at` is CLOCK_MONOTONIC in milliseconds, which all processes of
 * a machine share. `held` and `still` say that `lock.held` was read after that moment and was true.
 */
export type LockEvent =
  | readonly ["asked", id: number, lock: string, at: number, wait: number]
  | readonly ["held", id: number, token: number, at: number, how: "waited" | "tried" | "stolen"]
  | readonly ["still", id: number, at: number]
  | readonly ["ended", id: number, at: number, outcome: LockOutcome, code: string];

export type LocksOrder = "work" | "pause" | "count";

export interface LocksCommand {
  readonly number: number;
  readonly order: LocksOrder;
}

/** How a worker answers an order. */
export interface LocksReply {
  readonly number: number;
  /** How often it had a lock. */
  readonly grants: number;
  /** Attempts that have not ended. */
  readonly open: number;
}

/** Now, as all processes of this machine see it. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
