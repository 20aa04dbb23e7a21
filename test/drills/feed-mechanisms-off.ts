import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import type { Topology } from "../support/servers/topology.js";
import { type Drill, Findings } from "./drill.js";
import { describe } from "./feed-drills.js";
import { logTrimmed, messagesDropped, tailLost } from "./feed-faults.js";
import type { FeedGroupOptions, FeedMember } from "./feed-group.js";
import type { Mechanism } from "./feed-protocol.js";
import {
  FeedRounds,
  fullPace,
  type FeedFault,
  type FeedViolationKind,
  type Pace,
  type RoundVerdict,
} from "./feed-rounds.js";

/** What the follower of each process does without: the first three have all of it. */
const without: readonly (readonly Mechanism[])[] = [[], [], [], ["chain"], ["fork check"], ["freshness"]];

const foundBy: readonly (readonly [Mechanism, FeedViolationKind])[] = [
  ["chain", "missed"],
  ["fork check", "missed"],
  ["freshness", "stale"],
];

/** Stands still while the log is trimmed: a whole follower, and those whose lack shows then. */
export function isAway(_member: FeedMember, index: number): boolean {
  return index === 0 || index >= 4;
}

/** What followers that lack a mechanism showed beside those that lack none. */
export interface MechanismsOffVerdict {
  readonly failures: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  readonly verdicts: readonly RoundVerdict[];
}

/**
 * Causes faults under six followers of which three lack a mechanism: each of these must be found at fault, and none of
 * the others. The faults must drop messages, and trim the log while those stand still who are away.
 */
export async function mechanismsOff(
  topology: SingleTopology,
  faults: readonly FeedFault<SingleTopology>[],
  { worker, pace = fullPace }: { readonly worker?: string; readonly pace?: Pace } = {},
): Promise<MechanismsOffVerdict> {
  const given = worker === undefined ? {} : { worker };
  const group: FeedGroupOptions = { proxied: true, without: (index) => without[index] ?? [], ...given };
  const verdicts = await roundsOf(topology, group, faults, pace);
  const findings = new Findings();
  const figures: Record<string, number> = {};
  for (const [mechanism, kind] of foundBy) {
    const lacking = count(verdicts, (lacks) => lacks.includes(mechanism), kind);
    figures[`${kind} without ${mechanism}`] = lacking;
    findings.expect(lacking > 0, `a follower without ${mechanism} is not found at fault`);
  }
  const violations = verdicts.flatMap((verdict) => {
    const lacking = verdict.followers.filter(({ member }) => member.without.length > 0);
    return verdict.violations.filter(({ who }) => lacking.every(({ member }) => member.writer !== who));
  });
  figures["violations with all of them"] = violations.length;
  findings.failures.push(...describe(violations));
  return { failures: findings.failures, figures, verdicts };
}

/** The same faults for followers that lack a mechanism: the drill must notice. */
export const feedMechanismsOff: Drill = {
  name: "feed-mechanisms-off",
  about: "the feed without its chain, its fork check, its freshness: each must be found at fault",
  async run() {
    const single = await startSingle();
    try {
      const rounds = [messagesDropped(0.01, 6_000), logTrimmed(3_000, isAway)];
      const { failures, figures } = await mechanismsOff(single, rounds);
      const never = await tailLostWithoutForkCheck();
      const told = never > 0 ? [] : ["entries that a failover lost are there again although nobody looks for forks"];
      const all = { ...figures, "not appended again without fork check": never };
      return {
        name: feedMechanismsOff.name,
        faults: rounds.length + 1,
        figures: all,
        failures: [...failures, ...told],
      };
    } finally {
      await single.stop();
    }
  },
};

async function tailLostWithoutForkCheck(): Promise<number> {
  const sentinel = await startSentinel();
  try {
    const verdicts = await roundsOf(sentinel, { without: () => ["fork check"] }, [tailLost(1_000)], fullPace);
    return count(verdicts, () => true, "not appended again");
  } finally {
    await sentinel.stop();
  }
}

async function roundsOf<T extends Topology>(
  topology: T,
  group: FeedGroupOptions,
  faults: readonly FeedFault<T>[],
  pace: Pace,
): Promise<readonly RoundVerdict[]> {
  const rounds = await FeedRounds.start(topology, group, pace);
  try {
    const verdicts: RoundVerdict[] = [];
    for (const fault of faults) verdicts.push(await rounds.run(fault));
    return verdicts;
  } finally {
    await rounds.stop();
  }
}

/** Violations of a kind, of followers by what they lack; those of the log count for everybody. */
function count(
  verdicts: readonly RoundVerdict[],
  isMeant: (without: readonly Mechanism[]) => boolean,
  kind: FeedViolationKind,
): number {
  return verdicts.reduce((so, { followers, violations }) => {
    const meant = followers.filter(({ member }) => isMeant(member.without)).map(({ member }) => member.writer);
    return so + violations.filter((one) => one.kind === kind && (one.who === "" || meant.includes(one.who))).length;
  }, 0);
}
