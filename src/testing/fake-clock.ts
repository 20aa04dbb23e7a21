import { setImmediate as macrotask } from "node:timers/promises";
import type { Clock, Timer } from "../core/clock.js";

interface Planned {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 5000;
  readonly #planned = new Set<Planned>();

  /** @param wall where the wall clock begins, in milliseconds since 1970; default the first second of 2026. */
  constructor(wall: number = Date.UTC(2026, 0, 1)) {
    this.#wall = wall;
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#planned.size;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimeout(callback: () => void, delay: number): Timer {
    // At least 1 as in Node: a timer that plans itself again would otherwise never let `advance` end.
    const planned: Planned = { due: this.#monotonic + Math.max(1, delay), callback };
    this.#planned.add(planned);
    return { cancel: () => void this.#planned.delete(planned) };
  }

  /** Moves both clocks by `duration` milliseconds and fires, in order, the timers that fall due, also those set on the way. */
  advance(duration: number): void {
    const end = this.#monotonic + duration;
    for (let planned = this.#nextUntil(end); planned !== undefined; planned = this.#nextUntil(end)) this.#fire(planned);
    this.#moveTo(end);
  }

  /** As `advance`, but lets promises settle before the first timer and after each one. */
  async advanceAsync(duration: number): Promise<void> {
    const end = this.#monotonic + duration;
    await macrotask();
    for (let planned = this.#nextUntil(end); planned !== undefined; planned = this.#nextUntil(end)) {
      this.#fire(planned);
      await macrotask();
    }
    this.#moveTo(end);
  }

  /** Moves only the wall clock, forwards or backwards, as an administrator or a time service does; fires nothing. */
  jumpWall(offset: number): void {
    this.#wall += offset;
  }

  #nextUntil(end: number): Planned | undefined {
    let next: Planned | undefined;
    for (const planned of this.#planned) {
      if (planned.due <= end && (next === undefined || planned.due < next.due)) next = planned;
    }
    return next;
  }

  #fire(planned: Planned): void {
    this.#planned.delete(planned);
    this.#moveTo(planned.due);
    planned.callback();
  }

  #moveTo(monotonic: number): void {
    // Another `advance` may have gone further while this one let promises settle.
    const step = Math.max(0, monotonic - this.#monotonic);
    this.#monotonic += step;
    this.#wall += step;
  }
}
