import type { NodeAddress } from "../../config/backend-config.js";
import type { Clock } from "../../core/clock.js";
import { addressText } from "./node.js";
import type { SentinelAnswer } from "./sentinel-question.js";

/** The primary that the sentinels' answers amount to. */
export interface Opinion {
  readonly address: NodeAddress;
  /** Of the failover that made it the primary; 0 where no sentinel tells. */
  readonly epoch: number;
}

const staleFor = 5_000;

/**
 * Judges which primary the sentinels mean.
 *
 * Each failover has an epoch that a majority of sentinels has agreed to, and the sentinel that leads it knows the new
 * primary seconds before the others do. So the answer with the highest epoch counts, and among equals what most name.
 * Answers that fall behind what was followed already are those of sentinels that have not heard yet; only when nobody says
 * anything newer for five seconds are they taken, since a sentinel that is set up anew begins at 0.
 */
export class SentinelOpinions {
  readonly #clock: Clock;
  #epoch = 0;
  #behindSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What more than half of those who were asked allow to be said already; undefined when that is nothing yet. */
  early(heard: readonly SentinelAnswer[], asked: number): Opinion | undefined {
    if (heard.length * 2 <= asked) return undefined;
    const opinion = newest(heard);
    return opinion === undefined || opinion.epoch < this.#epoch ? undefined : this.#take(opinion);
  }

  /** What all answers of a round amount to: `none` when nobody names a primary, `behind` when all have yet to hear of the one that is followed. */
  final(heard: readonly SentinelAnswer[]): Opinion | "none" | "behind" {
    const opinion = newest(heard);
    if (opinion === undefined) return "none";
    if (opinion.epoch >= this.#epoch) return this.#take(opinion);
    const now = this.#clock.monotonic();
    this.#behindSince ??= now;
    return now - this.#behindSince < staleFor ? "behind" : this.#take(opinion);
  }

  #take(opinion: Opinion): Opinion {
    this.#epoch = opinion.epoch;
    this.#behindSince = undefined;
    return opinion;
  }
}

function newest(heard: readonly SentinelAnswer[]): Opinion | undefined {
  const named = heard.flatMap(({ primary, epoch }) => (primary === undefined ? [] : [{ address: primary, epoch }]));
  const epoch = Math.max(...named.map((opinion) => opinion.epoch));
  const votes = new Map<string, { readonly opinion: Opinion; count: number }>();
  for (const opinion of named.filter((each) => each.epoch === epoch)) {
    const vote = votes.get(addressText(opinion.address)) ?? { opinion, count: 0 };
    vote.count += 1;
    votes.set(addressText(opinion.address), vote);
  }
  return [...votes.values()].sort((one, other) => other.count - one.count)[0]?.opinion;
}
