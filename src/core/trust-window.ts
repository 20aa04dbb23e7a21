import type { Clock } from "./clock.js";

/**
 * Tells how long ago something was confirmed, for what may be trusted only for so long: a lease, a cached value.
 *
 * The longer of what the monotonic and the wall clock tell counts. The monotonic one may stand still while a machine
 * sleeps or a virtual one is moved; the wall clock may be set. Whichever errs, trust ends too early and never too late;
 * after the next confirmation both count from there.
 */
export class TrustWindow {
  readonly #clock: Clock;
  #monotonic = Number.NEGATIVE_INFINITY;
  #wall = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Now, as a moment that `confirm` takes later: what an answer confirms was true when it was asked for. */
  mark(): TrustMark {
    return { monotonic: this.#clock.monotonic(), wall: this.#clock.now() };
  }

  /** It was true at that moment; an earlier one than the last changes nothing. */
  confirm(at: TrustMark): void {
    if (at.monotonic < this.#monotonic) return;
    this.#monotonic = at.monotonic;
    this.#wall = at.wall;
  }

  /** Nothing is known any more until the next confirmation. */
  forget(): void {
    this.#monotonic = Number.NEGATIVE_INFINITY;
    this.#wall = Number.NEGATIVE_INFINITY;
  }

  /** Milliseconds since the last confirmed moment; infinite before the first. */
  get elapsed(): number {
    return Math.max(this.#clock.monotonic() - this.#monotonic, this.#clock.now() - this.#wall);
  }

  /** Whether less than so many milliseconds have passed since the last confirmed moment. */
  within(limit: number): boolean {
    return this.elapsed < limit;
  }
}

/** A moment by both clocks. */
export interface TrustMark {
  readonly monotonic: number;
  readonly wall: number;
}
