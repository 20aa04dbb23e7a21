import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle } from "../support/servers/single.js";
import type { Topology } from "../support/servers/topology.js";
import { type Drill, Findings } from "./drill.js";
import { processStopped, sentinelTailLost, type LocksFault } from "./locks-faults.js";
import { manyLocks, type LocksGroupOptions } from "./locks-group.js";
import { runLocks } from "./locks-rounds.js";

interface Canary<T extends Topology> {
  readonly what: string;
  readonly start: () => Promise<T>;
  readonly fault: LocksFault<T>;
  readonly group: LocksGroupOptions;
}

// A lease that outlives the failover: what was granted last is still held when the new primary grants it again.
const long = { lease: 8_000, maxLease: 8_000 } as const;
const failover = {
  start: startSentinel,
  fault: sentinelTailLost(1_500),
  group: { locks: long, longHold: 7_800, wait: 25_000, processes: 4, names: manyLocks, callers: 12 },
};

const plain: Canary<Awaited<ReturnType<typeof startSentinel>>> = {
  what: "a plain SET NX PX lock",
  ...failover,
  group: { ...failover.group, lack: "everything" },
};
const fast: typeof plain = {
  what: "no failover guard",
  ...failover,
  group: { ...failover.group, locks: { ...long, failover: "fast" } },
};
const unowned: Canary<Awaited<ReturnType<typeof startSingle>>> = {
  what: "no owner check",
  start: startSingle,
  fault: processStopped("holder"),
  group: { lack: "owner check" },
};
const trusting: typeof unowned = {
  what: "no validity check",
  start: startSingle,
  fault: processStopped("holder"),
  group: { lack: "validity check" },
};

/** Locks that lack what ours have, under the same faults: the judge must find each of them at fault. */
export const locksCanaries: Drill = {
  name: "locks-canaries",
  about: "a plain lock, and ours without owner check, validity check, failover guard: each must be found at fault",
  async run({ faults }) {
    const findings = new Findings();
    const figures: Record<string, number> = {};
    const look = async <T extends Topology>(canary: Canary<T>): Promise<void> => {
      const overlaps = await overlapsOf(canary, faults);
      figures[`overlaps with ${canary.what}`] = overlaps;
      findings.expect(overlaps > 0, `${canary.what} is not found at fault`);
    };
    await look(plain);
    await look(fast);
    await look(unowned);
    await look(trusting);
    return { name: locksCanaries.name, faults, figures, failures: findings.failures };
  },
};

async function overlapsOf<T extends Topology>({ start, fault, group }: Canary<T>, rounds: number): Promise<number> {
  const topology = await start();
  try {
    const { violations } = await runLocks(topology, [fault], { ...group, rounds });
    return violations.filter(({ kind }) => kind === "overlap").length;
  } finally {
    await topology.stop();
  }
}
