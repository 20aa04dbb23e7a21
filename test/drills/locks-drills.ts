import { startCluster } from "../support/servers/cluster.js";
import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle } from "../support/servers/single.js";
import type { Topology } from "../support/servers/topology.js";
import { type Drill, type DrillResult, Findings } from "./drill.js";
import * as faults from "./locks-faults.js";
import type { LocksFault } from "./locks-faults.js";
import { manyLocks, type LocksGroupOptions } from "./locks-group.js";
import type { LockViolationKind } from "./locks-judge.js";
import { describeViolations, figuresOf, runLocks } from "./locks-rounds.js";

interface LocksDrillOptions<T extends Topology> {
  readonly name: string;
  readonly about: string;
  readonly start: () => Promise<T>;
  readonly group?: LocksGroupOptions;
  /** Each is caused so many times as the drill is told; all of them are one fault of the drill. */
  readonly faults: readonly LocksFault<T>[];
  /** What is counted and not judged: whoever takes a lock by force, or removes its key, has it granted twice. */
  readonly excuses?: readonly LockViolationKind[];
  /** What the faults must have done, or the drill proves nothing; a figure that must not be zero. */
  readonly shows?: string;
}

/** Processes that take locks without pause: whatever happens, no two hold one at the same moment, and tokens rise. */
function locksDrill<T extends Topology>(options: LocksDrillOptions<T>): Drill {
  const { name, about, excuses = [], shows } = options;
  return {
    name,
    about,
    async run({ faults: rounds }): Promise<DrillResult> {
      const topology = await options.start();
      try {
        const run = await runLocks(topology, options.faults, { ...options.group, rounds });
        const judged = { ...run, violations: run.violations.filter(({ kind }) => !excuses.includes(kind)) };
        const count = (of: LockViolationKind): number => run.violations.filter(({ kind }) => kind === of).length;
        const excused = Object.fromEntries(excuses.map((kind) => [`${kind}s`, count(kind)]));
        const figures = { ...figuresOf(judged), ...excused };
        const findings = new Findings();
        findings.failures.push(...describeViolations(judged));
        findings.expect(run.grants > 0, "nobody had a lock");
        const shown = (figures as Readonly<Record<string, number>>)[shows ?? "grants"] ?? 0;
        findings.expect(shown > 0, `${shows} is zero: the drill proves nothing`);
        return { name, faults: rounds, figures, failures: findings.failures };
      } finally {
        await topology.stop();
      }
    },
  };
}

const proxied = { proxied: true };
// Longer than a failover takes: what it loses is then still trusted in when there is a new primary.
const longLease = {
  locks: { lease: 6_000, maxLease: 6_000 },
  longHold: 5_500,
  wait: 25_000,
  names: manyLocks,
  callers: 6,
} as const;
const everysec = { config: ["appendonly yes", "appendfsync everysec"] };

export const locksDrills: readonly Drill[] = [
  locksDrill({
    name: "locks-process-killed",
    about: "SIGKILL of a process that holds a lock, and of one that waits",
    start: startSingle,
    faults: [faults.processKilled("holder"), faults.processKilled("waiter")],
  }),
  locksDrill({
    name: "locks-process-stopped",
    about: "SIGSTOP for longer than a lease, of a process that holds a lock, and of one that waits",
    start: startSingle,
    faults: [faults.processStopped("holder"), faults.processStopped("waiter")],
    shows: "lost",
  }),
  locksDrill({
    name: "locks-server-frozen",
    about: "SIGSTOP of the only server for longer than a lease",
    start: startSingle,
    group: { longHold: 6_000 },
    faults: [faults.serverFrozen],
    shows: "lost",
  }),
  locksDrill({
    name: "locks-server-restarted",
    about: "SIGKILL of the only server, which keeps nothing",
    start: startSingle,
    faults: [faults.serverRestarted],
  }),
  locksDrill({
    name: "locks-server-restarted-aof",
    about: "SIGKILL of the only server, which writes everything down first",
    start: () => startSingle({ appendOnly: true }),
    faults: [faults.serverRestarted],
  }),
  locksDrill({
    name: "locks-server-restarted-everysec",
    about: "SIGKILL of the only server, which writes everything down each second",
    start: () => startSingle(everysec),
    faults: [faults.serverRestarted],
  }),
  locksDrill({
    name: "locks-memory-full",
    about: "no memory is left for two seconds",
    start: startSingle,
    faults: [faults.memoryFull],
    shows: "refused",
  }),
  locksDrill({
    name: "locks-clients-killed",
    about: "the server ends all connections twenty times a second, for five seconds",
    start: startSingle,
    faults: [faults.clientsKilled],
  }),
  locksDrill({
    name: "locks-subscribers-silent",
    about: "the subscribers of half the processes stay open and carry nothing, for 3 s, then for 8 s",
    start: startSingle,
    // Shorter than a heartbeat: what is handed over unheard has ended when its process asks.
    group: { ...proxied, locks: { lease: 1_000, maxLease: 1_000 } },
    // An echo comes every five seconds and is waited for two: the first goes unnoticed, and what was sent comes late.
    faults: [faults.subscribersSilent(3_000), faults.subscribersSilent(8_000)],
  }),
  locksDrill({
    name: "locks-messages-dropped",
    about: "half of all messages do not arrive, for three seconds; then none",
    start: startSingle,
    group: proxied,
    faults: [faults.messagesDropped(0.5), faults.messagesDropped(1)],
  }),
  locksDrill({
    name: "locks-replies-lost",
    about: "three replies for each process are lost with its connection",
    start: startSingle,
    group: proxied,
    faults: [faults.repliesDropped],
  }),
  locksDrill({
    name: "locks-replies-late",
    about: "replies for two processes take 0.4, 0.9 and 1.2 of a lease",
    start: startSingle,
    group: proxied,
    faults: [faults.repliesLate],
  }),
  locksDrill({
    name: "locks-commands-late",
    about: "commands arrive twice, and three of each process when it has long asked anew",
    start: startSingle,
    group: proxied,
    faults: [faults.commandsLate],
  }),
  locksDrill({
    name: "locks-scripts-flushed",
    about: "SCRIPT FLUSH, five times",
    start: startSingle,
    faults: [faults.scriptsFlushed],
  }),
  locksDrill({
    name: "locks-flushed",
    about: "FLUSHALL: tokens rise all the same; whoever removes held locks has them granted twice",
    start: startSingle,
    faults: [faults.everythingFlushed],
    excuses: ["overlap"],
  }),
  locksDrill({
    name: "locks-forced",
    about: "locks are released by force, ten times a second, and stolen; a victim hears of it a moment later",
    start: startSingle,
    group: { steals: 0.02 },
    faults: [faults.forced],
    excuses: ["overlap", "token"],
    shows: "lost",
  }),
  locksDrill({
    name: "locks-sentinel-planned",
    about: "planned failovers behind sentinels",
    start: startSentinel,
    group: longLease,
    faults: [faults.sentinelPlanned],
  }),
  locksDrill({
    name: "locks-sentinel-killed",
    about: "SIGKILL of the primary behind sentinels",
    start: startSentinel,
    group: longLease,
    faults: [faults.sentinelKilled],
  }),
  locksDrill({
    name: "locks-sentinel-frozen",
    about: "SIGSTOP of the primary behind sentinels until another has taken its place",
    start: startSentinel,
    group: longLease,
    faults: [faults.sentinelFrozen],
  }),
  locksDrill({
    name: "locks-sentinel-tail-lost",
    about: "SIGKILL of a primary whose replicas lack its last moments",
    start: startSentinel,
    group: longLease,
    faults: [faults.sentinelTailLost(1_500)],
    shows: "lost failover",
  }),
  locksDrill({
    name: "locks-sentinel-replicated",
    about: "SIGKILL of the primary under locks that wait for replicas",
    start: startSentinel,
    group: { ...longLease, locks: { ...longLease.locks, guarantee: "replicated" } },
    faults: [faults.sentinelKilled],
  }),
  locksDrill({
    name: "locks-cluster-planned",
    about: "planned failovers of a cluster",
    start: startCluster,
    group: longLease,
    faults: [faults.clusterPlanned],
  }),
  locksDrill({
    name: "locks-cluster-killed",
    about: "SIGKILL of a primary of a cluster",
    start: startCluster,
    group: longLease,
    faults: [faults.clusterKilled],
  }),
  locksDrill({
    name: "locks-cluster-tail-lost",
    about: "SIGKILL of a primary of a cluster whose replica lacks its last moments",
    start: startCluster,
    group: longLease,
    faults: [faults.clusterTailLost(1_500)],
    shows: "lost failover",
  }),
  locksDrill({
    name: "locks-cluster-slots-open",
    about: "all slots of a cluster are left open for three seconds, then the slot of a lock moves",
    start: startCluster,
    faults: [faults.slotsOpen, faults.slotMoved],
  }),
];
