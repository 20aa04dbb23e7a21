import type { Clock } from "../core/clock.js";
import { TrustWindow, type TrustMark } from "../core/trust-window.js";

// Clocks that run apart by a hundredth, and what a process may need between a look at the time and what it does then.
const drift = 0.01;
const margin = 12;

/**
 * How long this process may still trust in a lease.
 *
 * Counted from before the request was sent that was granted or renewed, and a little shorter than the server counts:
 * whoever holds a lock stops first.
 */
export class Lease {
  readonly #clock: Clock;
  readonly #trust: TrustWindow;
  #valid = 0;
  #confirmed = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#trust = new TrustWindow(clock);
  }

  /** Now, for `confirm` later. */
  mark(): TrustMark {
    return this.#trust.mark();
  }

  /** The lease ran for so many milliseconds at that moment; what was confirmed of a later one counts. */
  confirm(at: TrustMark, lease: number): void {
    const valid = lease * (1 - drift) - margin;
    // A server shortens no lease: what somebody before was granted for longer goes on for as long.
    if (at.monotonic < this.#confirmed || at.monotonic + valid < this.#confirmed + this.#valid) return;
    this.#confirmed = at.monotonic;
    this.#trust.confirm(at);
    this.#valid = valid;
  }

  /** Milliseconds; never below 0. */
  get remaining(): number {
    return Math.max(0, this.#valid - this.#trust.elapsed);
  }

  /** The moment of a grant by the server's clock, at the latest as it can have been here: before `from` it was not. */
  momentOf(grant: number, from: { readonly mark: TrustMark; readonly now: number }): TrustMark {
    const passed = Math.max(0, grant - from.now);
    const now = this.#trust.mark();
    return {
      monotonic: Math.min(now.monotonic, from.mark.monotonic + passed),
      wall: Math.min(now.wall, from.mark.wall + passed),
    };
  }

  get now(): number {
    return this.#clock.monotonic();
  }
}
