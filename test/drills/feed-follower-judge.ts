import { comparePositions } from "../../src/feed/log-store.js";
import { readMark, trustedFor, type TraceEvent } from "./feed-protocol.js";
import type { Appends } from "./feed-appends.js";

/**
 * - `missed`: a later entry of a writer was applied without the one before it, or one that is in the log never was.
 * - `twice`: an entry was applied again, and no flush came in between.
 * - `late`: an entry was applied after a later one of its writer.
 * - `stale`: what was held was trusted, and lacked an entry that had been acknowledged longer ago than the bound.
 */
export type FollowerViolation = "missed" | "twice" | "late" | "stale";

/** What was seen of one follower in one round. */
export interface FollowerVerdict {
  readonly applied: number;
  /** Entries that were applied once more, after a flush. */
  readonly appliedAgain: number;
  readonly cuts: number;
  readonly forks: number;
  readonly violations: readonly { readonly kind: FollowerViolation; readonly detail: string }[];
  /** What would be a violation, had a failover not lost the entries before this follower saw them. */
  readonly excused: number;
  readonly untrustedLooks: number;
  /** The longest time from the first look that could not be trusted to the next one that could, milliseconds. */
  readonly longestUntrusted: number;
  /** When each entry was applied where it was acknowledged, by its mark. */
  readonly appliedAt: ReadonlyMap<string, number>;
}

interface Known {
  readonly counter: number;
  readonly attempt: number;
}

type AppliedEvent = Extract<TraceEvent, readonly ["applied", ...unknown[]]>;

const keptMarks = 50_000;

function isAfter(one: Known, other: Known): boolean {
  return one.counter > other.counter || (one.counter === other.counter && one.attempt > other.attempt);
}

/**
 * Follows what a follower did, event by event, and knows what it holds at each moment: a flush empties that.
 *
 * An entry that was appended again after a fork says nothing of the order of the others, and what the follower missed
 * because a failover had lost it is excused.
 */
export class FollowerJudge {
  readonly #known = new Map<string, Known>();
  /** In which era, between two flushes, an entry was applied last. */
  readonly #eras = new Map<string, number>();
  #era = 0;
  /** The position of the first entry that was applied in this era and round. */
  #first: string | undefined;

  /** Whether it ever applied an entry, within the last fifty thousand. */
  hasSeen(mark: string): boolean {
    return this.#eras.has(mark);
  }

  /** Judges what it did since the last call; `appends` are those of all writers. */
  judge(trace: readonly TraceEvent[], appends: Appends): FollowerVerdict {
    const seen = new Round();
    for (const event of trace) {
      if (event[0] === "applied") this.#apply(event, appends, seen);
      else if (event[0] === "flushed") this.#flush(event[2], seen);
      else if (event[0] === "looked") this.#look(event[1], event[2], appends, seen);
    }
    this.#checkEnd(appends, seen);
    this.#forget();
    return seen;
  }

  #apply([, at, position, mark]: AppliedEvent, appends: Appends, seen: Round): void {
    seen.applied += 1;
    this.#first ??= position;
    const era = this.#eras.get(mark);
    this.#eras.delete(mark);
    this.#eras.set(mark, this.#era);
    if (era === this.#era) seen.violate("twice", mark);
    const isMoved = appends.isMoved(mark, position);
    if (era !== undefined) seen.appliedAgain += 1;
    else if (!isMoved) seen.appliedAt.set(mark, at);
    const { writer, counter, attempt } = readMark(mark);
    const known = this.#known.get(writer);
    const isLate = known !== undefined && !isAfter({ counter, attempt }, known);
    const isNext = known !== undefined && counter === known.counter + 1;
    // What comes again says nothing of the order of the others, unless it is just what comes next: a primary that has been
    // replaced, and does not know it yet, may still have told of it.
    if (era !== undefined || (isMoved && !isNext)) return;
    if (isLate && appends.mayBeMoved(mark)) return seen.excuse();
    if (isLate) return seen.violate("late", `${mark} after ${known.counter} ${known.attempt}`);
    if (known !== undefined) this.#checkBetween("missed", writer, known.counter, counter - 1, appends, seen);
    this.#known.set(writer, { counter, attempt });
  }

  #flush(reason: "cut" | "fork", seen: Round): void {
    this.#known.clear();
    this.#first = undefined;
    this.#era += 1;
    if (reason === "cut") seen.cuts += 1;
    else seen.forks += 1;
  }

  #look(at: number, isTrusted: boolean, appends: Appends, seen: Round): void {
    seen.look(at, isTrusted);
    if (!isTrusted) return;
    for (const [writer, { counter }] of this.#known) {
      const last = appends.lastAcknowledgedBefore(writer, at - trustedFor);
      this.#checkBetween("stale", writer, counter, last, appends, seen);
    }
  }

  #checkEnd(appends: Appends, seen: Round): void {
    for (const [writer, { counter }] of this.#known) {
      const last = appends.lastAcknowledgedBefore(writer, Number.POSITIVE_INFINITY);
      this.#checkBetween("missed", writer, counter, last, appends, seen);
    }
    // Whatever the log has, its followers have applied, but for what lies before where they began.
    for (const { mark, position } of appends.stored()) {
      const isDue = this.#first !== undefined && comparePositions(position, this.#first) > 0;
      if (isDue && this.#eras.get(mark) !== this.#era) seen.violate("missed", `${mark} at ${position}`);
    }
    this.#first = undefined;
  }

  /** Entries of a writer after `known`, up to `last`, that should have been applied. */
  #checkBetween(
    kind: FollowerViolation,
    writer: string,
    known: number,
    last: number,
    appends: Appends,
    seen: Round,
  ): void {
    if (last <= known) return;
    if (appends.wereAllLost(writer, known + 1, last)) seen.excuse();
    else seen.violate(kind, `${writer} knows ${known}, not ${last}`);
  }

  #forget(): void {
    for (const mark of this.#eras.keys()) {
      if (this.#eras.size <= keptMarks) return;
      this.#eras.delete(mark);
    }
  }
}

/** Counts while a round is judged. */
class Round implements FollowerVerdict {
  applied = 0;
  appliedAgain = 0;
  cuts = 0;
  forks = 0;
  excused = 0;
  untrustedLooks = 0;
  longestUntrusted = 0;
  readonly violations: { kind: FollowerViolation; detail: string }[] = [];
  readonly appliedAt = new Map<string, number>();
  #untrustedSince: number | undefined;

  violate(kind: FollowerViolation, detail: string): void {
    this.violations.push({ kind, detail });
  }

  excuse(): void {
    this.excused += 1;
  }

  look(at: number, isTrusted: boolean): void {
    if (!isTrusted) {
      this.untrustedLooks += 1;
      this.#untrustedSince ??= at;
    }
    if (this.#untrustedSince === undefined) return;
    this.longestUntrusted = Math.max(this.longestUntrusted, at - this.#untrustedSince);
    if (isTrusted) this.#untrustedSince = undefined;
  }
}
