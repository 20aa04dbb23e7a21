import type { Topology } from "../support/servers/topology.js";
import { whileLoadRuns } from "./drill.js";
import type { LocksFault } from "./locks-faults.js";
import { LocksGroup, type LocksGroupOptions } from "./locks-group.js";
import { judgeLocks, type LocksVerdict } from "./locks-judge.js";

/** How long the load runs around a fault, milliseconds. */
export interface LocksPace {
  readonly before: number;
  readonly after: number;
}

const fullPace: LocksPace = { before: 500, after: 500 };
// The deadline of a call to the backend, and what busy machines add.
const callTakes = 13_000;
const servedWithin = 40_000;

/** What some faults under some processes showed. */
export interface LocksRun extends LocksVerdict {
  /** The longest that a process had no lock after a fault was over, milliseconds. */
  readonly longestHealing: number;
}

/** Causes each fault so many times under processes that take locks, and judges what all of them saw. */
export async function runLocks<T extends Topology>(
  topology: T,
  faults: readonly LocksFault<T>[],
  { rounds, pace = fullPace, ...options }: LocksGroupOptions & { readonly rounds: number; readonly pace?: LocksPace },
): Promise<LocksRun> {
  const group = await LocksGroup.start(topology, options);
  try {
    // Nothing is granted before, as long as a lease, by a server that has just started.
    await group.served(servedWithin);
    let longestHealing = 0;
    for (let turn = 0; turn < rounds; turn += 1) {
      for (const cause of faults) {
        await whileLoadRuns(pace.before);
        await cause({ group, topology, turn });
        longestHealing = Math.max(longestHealing, await group.served(servedWithin));
        await whileLoadRuns(pace.after);
      }
    }
    const attempts = await group.settle();
    const verdict = judgeLocks({ attempts, dead: group.dead, callTakes });
    return { ...verdict, longestHealing };
  } finally {
    await group.stop();
  }
}

/** Counts and times worth publishing. */
export function figuresOf(run: LocksRun): Readonly<Record<string, number>> {
  const { violations, outcomes, codes } = run;
  return {
    grants: run.grants,
    intervals: run.intervals,
    violations: violations.length,
    timeouts: outcomes.timeout ?? 0,
    "of the patient": run.patientTimeouts,
    lost: outcomes.lost ?? 0,
    refused: outcomes.refused ?? 0,
    "longest wait ms": Math.round(run.longestWait),
    "latest timeout ms": Math.round(run.longestDelay),
    "longest gap ms": Math.round(run.longestGap),
    "longest healing ms": Math.round(run.longestHealing),
    ...codes,
  };
}

/** One line for each kind of violation. */
export function describeViolations({ violations }: LocksVerdict): readonly string[] {
  const kinds = new Set(violations.map(({ kind }) => kind));
  return [...kinds].map((kind) => {
    const all = violations.filter((violation) => violation.kind === kind);
    return `${all.length} times ${kind}: ${all
      .slice(0, 3)
      .map(({ detail }) => detail)
      .join("; ")}`;
  });
}
