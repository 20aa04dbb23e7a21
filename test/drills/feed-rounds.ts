import type { Topology } from "../support/servers/topology.js";
import { Appends, type Origins } from "./feed-appends.js";
import { FollowerJudge, type FollowerVerdict, type FollowerViolation } from "./feed-follower-judge.js";
import { FeedGroup, type FeedGroupOptions, type FeedMember, type MemberReport } from "./feed-group.js";
import { whileLoadRuns } from "./drill.js";

/**
 * Beside those of a follower:
 * - `stored twice`: an entry is in the log more than once.
 * - `not appended again`: a failover lost an acknowledged entry that a living follower had applied, and it is not there again.
 */
export type FeedViolationKind = FollowerViolation | "stored twice" | "not appended again";

export interface FeedViolation {
  readonly kind: FeedViolationKind;
  /** The follower; empty when it is the log. */
  readonly who: string;
  readonly detail: string;
}

/** One fault, while everybody appends. */
export interface FeedFault<T extends Topology = Topology> {
  /** Whether acknowledged entries may be gone after it. */
  readonly mayLose?: boolean;
  cause(scene: { readonly group: FeedGroup; readonly topology: T; readonly turn: number }): Promise<void>;
}

/** What one round showed. */
export interface RoundVerdict {
  readonly acknowledged: number;
  readonly failedAppends: number;
  /** Acknowledged entries that are not in the log when all is over, wherever they are gone. */
  readonly gone: number;
  readonly followers: readonly (FollowerVerdict & { readonly member: FeedMember })[];
  readonly violations: readonly FeedViolation[];
  /** Acknowledged entries that a failover lost, and those of them that no follower had applied. */
  readonly lost: number;
  readonly lostUnseen: number;
  /** The longest time from an acknowledgement to the application by a follower, milliseconds. */
  readonly longestDelay: { readonly calm: number; readonly faulty: number };
  /** Counted by all instances together, in this round. */
  readonly counted: MemberReport["stats"];
}

/** How long a round takes beside its fault, milliseconds. */
export interface Pace {
  readonly before: number;
  /** Longer than a follower trusts what it holds, or staleness would not show. */
  readonly after: number;
}

export const fullPace: Pace = { before: 2_500, after: 3_000 };

// What is acknowledged shortly before a fault may be applied during it.
const shadow = 1_000;

/** Causes faults under a group that appends and follows, and judges after each what everybody saw. */
export class FeedRounds<T extends Topology = Topology> {
  readonly group: FeedGroup;
  readonly #topology: T;
  readonly #pace: Pace;
  readonly #judges: ReadonlyMap<string, FollowerJudge>;
  readonly #origins: Origins = new Map();
  #counted: MemberReport["stats"] | undefined;
  #turn = 0;

  private constructor(group: FeedGroup, topology: T, pace: Pace) {
    this.group = group;
    this.#topology = topology;
    this.#pace = pace;
    this.#judges = new Map(group.members.map(({ writer }) => [writer, new FollowerJudge()]));
  }

  static async start<T extends Topology>(
    topology: T,
    options: FeedGroupOptions = {},
    pace: Pace = fullPace,
  ): Promise<FeedRounds<T>> {
    return new FeedRounds(await FeedGroup.start(topology, options), topology, pace);
  }

  /** Runs one round. */
  async run({ cause, mayLose = false }: FeedFault<T>): Promise<RoundVerdict> {
    const { group } = this;
    await group.order("write");
    await whileLoadRuns(this.#pace.before);
    const faultAt = Date.now();
    await cause({ group, topology: this.#topology, turn: this.#turn });
    this.#turn += 1;
    await whileLoadRuns(this.#pace.after);
    await group.settle();
    const reports = await group.order("report");
    return this.#judge(
      reports,
      new Appends(reports, await group.stored(), this.#origins, mayLose),
      faultAt - shadow,
      mayLose,
    );
  }

  stop(): Promise<void> {
    return this.group.stop();
  }

  #judge(reports: readonly MemberReport[], appends: Appends, calmUntil: number, mayLose: boolean): RoundVerdict {
    const followers = reports.map(({ writer, trace }, index) => {
      const member = this.group.members[index] as FeedMember;
      return { ...this.#judgeOf(writer).judge(trace, appends), member };
    });
    const violations: FeedViolation[] = followers.flatMap(({ member, violations: found }) =>
      found.map(({ kind, detail }) => ({ kind, detail, who: member.writer })),
    );
    const lost = mayLose ? appends.lost() : [];
    const seen = lost.filter(({ mark }) => [...this.#judges.values()].some((judge) => judge.hasSeen(mark)));
    for (const { mark } of seen) {
      if (appends.timesStored(mark) === 0) violations.push({ kind: "not appended again", who: "", detail: mark });
    }
    for (const { mark } of appends.stored()) {
      if (appends.timesStored(mark) > 1) violations.push({ kind: "stored twice", who: "", detail: mark });
    }
    return {
      acknowledged: appends.acknowledged().length,
      gone: appends.acknowledged().filter(({ mark }) => appends.timesStored(mark) === 0).length,
      failedAppends: reports.flatMap(({ trace }) => trace.filter(([what]) => what === "failed")).length,
      followers,
      violations,
      lost: lost.length,
      lostUnseen: lost.length - seen.length,
      longestDelay: longestDelay(appends, followers, calmUntil),
      counted: this.#countSince(reports),
    };
  }

  #judgeOf(writer: string): FollowerJudge {
    const judge = this.#judges.get(writer);
    if (judge === undefined) throw new Error(`nobody is called ${writer}`);
    return judge;
  }

  #countSince(reports: readonly MemberReport[]): MemberReport["stats"] {
    const now = total(reports.map(({ stats }) => stats));
    const before = this.#counted ?? total([]);
    this.#counted = now;
    return {
      gaps: now.gaps - before.gaps,
      cuts: now.cuts - before.cuts,
      forks: now.forks - before.forks,
      reassertions: now.reassertions - before.reassertions,
      subscriberGaps: now.subscriberGaps - before.subscriberGaps,
    };
  }
}

function longestDelay(
  appends: Appends,
  followers: readonly FollowerVerdict[],
  calmUntil: number,
): RoundVerdict["longestDelay"] {
  let calm = 0;
  let faulty = 0;
  for (const { mark, at } of appends.acknowledged()) {
    for (const { appliedAt } of followers) {
      const delay = (appliedAt.get(mark) ?? at) - at;
      if (at < calmUntil) calm = Math.max(calm, delay);
      else faulty = Math.max(faulty, delay);
    }
  }
  return { calm, faulty };
}

function total(all: readonly MemberReport["stats"][]): MemberReport["stats"] {
  const sum = (of: (stats: MemberReport["stats"]) => number): number => all.reduce((so, stats) => so + of(stats), 0);
  return {
    gaps: sum(({ gaps }) => gaps),
    cuts: sum(({ cuts }) => cuts),
    forks: sum(({ forks }) => forks),
    reassertions: sum(({ reassertions }) => reassertions),
    subscriberGaps: sum(({ subscriberGaps }) => subscriberGaps),
  };
}
