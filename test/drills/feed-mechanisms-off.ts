import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import type { Topology } from "../support/servers/topology.js";
import { type Drill, Findings } from "./drill.js";
import { logTrimmed, messagesDropped, tailLost } from "./feed-faults.js";
import type { FeedGroupOptions } from "./feed-group.js";
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

export interface MechanismsOffOptions {
  readonly worker?: string;
  readonly pace?: Pace;
  readonly share: number;
  readonly dropFor: number;
  readonly awayFor: number;
}

/**
 * Messages are dropped, then the log is trimmed while processes stand still, for six followers of which three lack a
 * mechanism: each of these must be found at fault, and none of the others. Gives what is not so, and the counts.
 */
export async function dropAndTrim(
  topology: SingleTopology,
  options: MechanismsOffOptions,
): Promise<{ readonly failures: readonly string[]; readonly figures: Readonly<Record<string, number>> }> {
  const { worker, pace = fullPace, share, dropFor, awayFor } = options;
  const verdicts = await roundsOf<SingleTopology>(
    topology,
    { proxied: true, without: (index) => without[index] ?? [], ...(worker === undefined ? {} : { worker }) },
    [messagesDropped(share, dropFor), logTrimmed(awayFor, (_, index) => index === 0 || index >= 4)],
    pace,
  );
  const findings = new Findings();
  const figures: Record<string, number> = {};
  const expected: readonly (readonly [Mechanism, FeedViolationKind])[] = [
    ["chain", "missed"],
    ["fork check", "missed"],
    ["freshness", "stale"],
  ];
  for (const [mechanism, kind] of expected) {
    const lacking = count(verdicts, (who) => who.includes(mechanism), kind);
    figures[`${kind} without ${mechanism}`] = lacking;
    findings.expect(lacking > 0, `a follower without ${mechanism} is not found at fault`);
  }
  const violations = verdicts.flatMap((verdict) => {
    const whole = verdict.followers.filter(({ member }) => member.without.length === 0);
    return verdict.violations.filter(({ who }) => who === "" || whole.some(({ member }) => member.writer === who));
  });
  figures["with all of them"] = violations.length;
  const [first] = violations;
  const what = first === undefined ? "" : `${first.kind} ${first.detail}`;
  findings.expect(first === undefined, `${violations.length} violations of followers with all mechanisms: ${what}`);
  return { failures: findings.failures, figures };
}

/** The same faults for followers that lack a mechanism: the drill must notice. */
export const feedMechanismsOff: Drill = {
  name: "feed-mechanisms-off",
  about: "the feed without its chain, its fork check, its freshness: each must be found at fault",
  async run({ faults }) {
    const single = await startSingle();
    try {
      const { failures, figures } = await dropAndTrim(single, { share: 0.01, dropFor: 6_000, awayFor: 3_000 });
      const sentinel = await startSentinel();
      try {
        const group: FeedGroupOptions = { without: () => ["fork check"] };
        const verdicts = await roundsOf(sentinel, group, [tailLost(1_000)], fullPace);
        const never = count(verdicts, () => true, "not appended again");
        const told = never > 0 ? [] : ["entries that a failover lost are there again although nobody looks for forks"];
        const all = { ...figures, "not appended again without fork check": never };
        return { name: "feed-mechanisms-off", faults, figures: all, failures: [...failures, ...told] };
      } finally {
        await sentinel.stop();
      }
    } finally {
      await single.stop();
    }
  },
};

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
