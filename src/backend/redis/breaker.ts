import type { Clock, Timer } from "../../core/clock.js";

/**
 * Tells when a server has failed for so long that waiting for it is pointless.
 *
 * It opens `after` milliseconds after the first failure that no success has followed, and closes with the next success.
 * Pattern: Nygard, "Release It!", circuit breaker; here by time and not by count, so that load does not decide.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #after: number;
  readonly #onOpen: () => void;
  #timer: Timer | undefined;
  #failing = false;
  #open = false;
  #lastProbe = 0;

  constructor(clock: Clock, after: number, onOpen: () => void) {
    this.#clock = clock;
    this.#after = after;
    this.#onOpen = onOpen;
  }

  get open(): boolean {
    return this.#open;
  }

  failure(): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#timer = this.#clock.setTimeout(() => {
      this.#open = true;
      this.#lastProbe = this.#clock.monotonic();
      this.#onOpen();
    }, this.#after);
  }

  success(): void {
    if (!this.#failing) return;
    this.stop();
  }

  /** While open: true once per `every` milliseconds, for the one call that may try. */
  probe(every: number): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#lastProbe < every) return false;
    this.#lastProbe = now;
    return true;
  }

  /** Forgets failures and cancels the timer. */
  stop(): void {
    this.#failing = false;
    this.#open = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
