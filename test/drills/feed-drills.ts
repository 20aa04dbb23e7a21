import { startCluster } from "../support/servers/cluster.js";
import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle } from "../support/servers/single.js";
import type { Topology } from "../support/servers/topology.js";
import { type Drill, type DrillResult, Findings } from "./drill.js";
import {
  everythingFlushed,
  linksSilent,
  logTrimmed,
  messagesDropped,
  primaryFrozen,
  primaryKilled,
  processStopped,
  serverRestarted,
  slotMoved,
  subscribersKilled,
  subscribersSilent,
  tailLost,
} from "./feed-faults.js";
import type { FeedGroupOptions } from "./feed-group.js";
import { FeedRounds, type FeedFault, type FeedViolation, type RoundVerdict } from "./feed-rounds.js";

interface FeedDrillOptions<T extends Topology> {
  readonly name: string;
  readonly about: string;
  readonly start: () => Promise<T>;
  readonly group?: FeedGroupOptions;
  /** One round for each; all of them are one fault of the drill. */
  readonly faults: readonly FeedFault<T>[];
  /** What the faults must have done to some follower, or the drill proves nothing; what is missing, if it is. */
  readonly shows: (figures: Readonly<Record<string, number>>) => string | undefined;
}

/** Six processes append to one log and follow it; whatever happens, each applies every entry once and in order, or says that it could not. */
function feedDrill<T extends Topology>(options: FeedDrillOptions<T>): Drill {
  const { name, about } = options;
  return {
    name,
    about,
    async run({ faults }): Promise<DrillResult> {
      const topology = await options.start();
      const rounds = await FeedRounds.start(topology, options.group).catch(async (error: Error) => {
        await topology.stop();
        throw error;
      });
      try {
        const verdicts: RoundVerdict[] = [];
        for (let turn = 0; turn < faults; turn += 1) {
          for (const fault of options.faults) verdicts.push(await rounds.run(fault));
        }
        const figures = figuresOf(verdicts);
        const findings = new Findings();
        findings.failures.push(...describe(verdicts.flatMap(({ violations }) => violations)));
        findings.expect(figures["entries"] !== 0, "nothing was appended");
        const missing = options.shows(figures);
        findings.expect(missing === undefined, `${missing}: the drill proves nothing`);
        return { name, faults, figures, failures: findings.failures };
      } finally {
        await rounds.stop();
        await topology.stop();
      }
    },
  };
}

/** One line for each kind of violation. */
export function describe(violations: readonly FeedViolation[]): readonly string[] {
  const kinds = new Set(violations.map(({ kind }) => kind));
  return [...kinds].map((kind) => {
    const all = violations.filter((violation) => violation.kind === kind);
    const shown = all.slice(0, 3).map(({ who, detail }) => `${who} ${detail}`.trim());
    return `${all.length} times ${kind}: ${shown.join("; ")}`;
  });
}

/** The counts and times of all rounds together. */
export function figuresOf(verdicts: readonly RoundVerdict[]): Readonly<Record<string, number>> {
  const followers = verdicts.flatMap((verdict) => verdict.followers);
  return {
    entries: sum(verdicts, ({ acknowledged }) => acknowledged),
    applied: sum(followers, ({ applied }) => applied),
    "applied again": sum(followers, ({ appliedAgain }) => appliedAgain),
    "subscriber gaps": sum(verdicts, ({ counted }) => counted.subscriberGaps),
    gaps: sum(verdicts, ({ counted }) => counted.gaps),
    cuts: sum(followers, ({ cuts }) => cuts),
    forks: sum(followers, ({ forks }) => forks),
    reassertions: sum(verdicts, ({ counted }) => counted.reassertions),
    lost: sum(verdicts, ({ lost }) => lost),
    gone: sum(verdicts, ({ gone }) => gone),
    "lost unseen": sum(verdicts, ({ lostUnseen }) => lostUnseen),
    excused: sum(followers, ({ excused }) => excused),
    violations: sum(verdicts, ({ violations }) => violations.length),
    "failed appends": sum(verdicts, ({ failedAppends }) => failedAppends),
    "untrusted looks": sum(followers, ({ untrustedLooks }) => untrustedLooks),
    "longest untrusted ms": most(followers, ({ longestUntrusted }) => longestUntrusted),
    "longest delay ms": most(verdicts, ({ longestDelay }) => longestDelay.calm),
    "longest delay in a fault ms": most(verdicts, ({ longestDelay }) => longestDelay.faulty),
  };
}

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((so, each) => so + of(each), 0);
}

function most<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((so, each) => Math.max(so, of(each)), 0);
}

const proxied = { proxied: true };
type Figures = Readonly<Record<string, number>>;
const isNonzero = (name: string, otherwise: string) => (figures: Figures) =>
  figures[name] === 0 ? otherwise : undefined;
const isFlushed = ({ cuts = 0, forks = 0 }: Figures): string | undefined =>
  cuts + forks === 0 ? "nobody noticed" : undefined;

export const feedDrills: readonly Drill[] = [
  feedDrill({
    name: "feed-subscribers-killed",
    about: "six processes append to a log and follow it: the server ends their subscribers",
    start: startSingle,
    faults: [subscribersKilled(3)],
    shows: isNonzero("subscriber gaps", "no subscriber noticed"),
  }),
  feedDrill({
    name: "feed-subscribers-silent",
    about: "six followers of a log: the links of half their subscribers stay open and carry nothing",
    start: startSingle,
    group: proxied,
    faults: [subscribersSilent],
    shows: isNonzero("subscriber gaps", "no subscriber noticed"),
  }),
  feedDrill({
    name: "feed-links-silent",
    about: "six followers of a log: all links of half of them stay open and carry nothing",
    start: startSingle,
    group: proxied,
    faults: [linksSilent],
    shows: isNonzero("untrusted looks", "everybody trusted what it held"),
  }),
  feedDrill({
    name: "feed-messages-dropped",
    about: "six followers of a log: one message of a hundred does not arrive",
    start: startSingle,
    group: proxied,
    faults: [messagesDropped(0.01, 6_000)],
    shows: isNonzero("gaps", "nobody found a gap"),
  }),
  feedDrill({
    name: "feed-process-stopped",
    about: "six followers of a log: one stands still for 3 s, then one for 8 s",
    start: startSingle,
    faults: [processStopped(3_000), processStopped(8_000)],
    shows: isNonzero("untrusted looks", "everybody trusted what it held"),
  }),
  feedDrill({
    name: "feed-log-trimmed",
    about: "six followers of a log: it is trimmed to ten entries while two stand still",
    start: startSingle,
    faults: [logTrimmed(2_000, (_, index) => index < 2)],
    shows: isFlushed,
  }),
  feedDrill({
    name: "feed-flushed",
    about: "six followers of a log: FLUSHALL",
    start: startSingle,
    faults: [everythingFlushed],
    shows: isFlushed,
  }),
  feedDrill({
    name: "feed-server-restarted",
    about: "six followers of a log: a server without persistence restarts, empty",
    start: startSingle,
    faults: [serverRestarted],
    shows: isFlushed,
  }),
  feedDrill({
    name: "feed-primary-killed",
    about: "six followers of a log: SIGKILL of a primary behind sentinels",
    start: startSentinel,
    faults: [primaryKilled],
    shows: isNonzero("subscriber gaps", "no subscriber noticed"),
  }),
  feedDrill({
    name: "feed-primary-frozen",
    about: "six followers of a log: SIGSTOP of a primary behind sentinels until another has taken its place",
    start: startSentinel,
    faults: [primaryFrozen],
    shows: isNonzero("subscriber gaps", "no subscriber noticed"),
  }),
  feedDrill({
    name: "feed-tail-lost",
    about: "six followers of a log: SIGKILL of a primary whose replicas lack its last second",
    start: startSentinel,
    faults: [tailLost(1_000)],
    shows: isNonzero("lost", "nothing was lost"),
  }),
  feedDrill({
    name: "feed-long-tail-lost",
    about: "six followers of a log: SIGKILL of a primary whose replicas lack its last four seconds",
    start: startSentinel,
    faults: [tailLost(4_000)],
    shows: isNonzero("lost", "nothing was lost"),
  }),
  feedDrill({
    name: "feed-slot-moved",
    about: "six followers of a log: its slot moves to another primary of a cluster, and back",
    start: startCluster,
    faults: [slotMoved],
    shows: () => undefined,
  }),
];
