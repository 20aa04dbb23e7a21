import type { Clock, Timer } from "./clock.js";

/** What is repeated, and how often. */
export interface PeriodicOptions {
  readonly clock: Clock;
  /** Milliseconds from the end of one run, or from `start`, to the next run. */
  readonly interval: number;
  /** Share of the interval by which each wait is longer or shorter at random, 0 to 1; default 0. */
  readonly jitter?: number;
  readonly task: () => Promise<void> | void;
  /** Told of each failure of the task, which is run again all the same. */
  readonly onError: (error: unknown) => void;
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Runs a task again and again, one run at a time.
 *
 * Waiting begins when a run ended, so a slow server is never asked faster than it answers. The timer does not keep the
 * process alive.
 */
export class Periodic {
  readonly #options: PeriodicOptions;
  #started = false;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  constructor(options: PeriodicOptions) {
    this.#options = options;
  }

  /** Plans the first run for one interval from now; does nothing when started. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    // A run that outlived `stop` plans the next one itself when it ends; planning here too would let two overlap.
    if (this.#running === undefined) this.#plan();
  }

  /** Plans no more runs; resolves when the running one, if any, has ended. Never rejects; not to be awaited by the task itself. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#running;
  }

  #plan(): void {
    const { clock, interval, jitter = 0, random = Math.random } = this.#options;
    const delay = interval * (1 + jitter * (2 * random() - 1));
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#run();
    }, delay);
  }

  async #run(): Promise<void> {
    try {
      await this.#options.task();
    } catch (error) {
      this.#report(error);
    }
    this.#running = undefined;
    if (this.#started) this.#plan();
  }

  #report(error: unknown): void {
    try {
      this.#options.onError(error);
    } catch {
      // A failing reporter must neither end the repetition nor the process.
    }
  }
}
