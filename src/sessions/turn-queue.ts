import type { Clock } from "../core/clock.js";
import { withDeadline } from "../core/deadline.js";
import { TimeoutError } from "../core/errors.js";

interface Line<State> {
  state: State | undefined;
  inFlight: Promise<void> | undefined;
  readonly waiting: (() => void)[];
}

/** One caller's time at the head of a line. */
export interface Turn<State> {
  /** What the callers of a line tell one another; forgotten when nobody waits any more, and after a failure. */
  state: State | undefined;
  /** Makes one call within what is left of the caller's time; the next caller's turn waits for its end, whatever the time. */
  send<T>(call: () => Promise<T>): Promise<T>;
}

/** Lets one caller at a time work on a key of this process; the others wait in order, each no longer than the deadline. */
export class TurnQueue<State> {
  readonly #clock: Clock;
  readonly #deadline: number;
  readonly #lines = new Map<string, Line<State>>();
  readonly #settled: (() => void)[] = [];

  /** @param deadline milliseconds. */
  constructor(clock: Clock, deadline: number) {
    this.#clock = clock;
    this.#deadline = deadline;
  }

  /** Whether somebody works on the key. */
  busy(key: string): boolean {
    return this.#lines.has(key);
  }

  /** Resolves when nobody works or waits. */
  settle(): Promise<void> {
    return this.#lines.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#settled.push(resolve));
  }

  /**
   * Runs the task when its turn comes, synchronously when that is now; settles as the task does.
   *
   * Rejects with `TimeoutError`, `executed: "no"`, when its turn did not come within the deadline.
   */
  async run<T>(key: string, task: (turn: Turn<State>) => Promise<T>): Promise<T> {
    const end = this.#clock.monotonic() + this.#deadline;
    const found = this.#lines.get(key);
    const line: Line<State> = found ?? { state: undefined, inFlight: undefined, waiting: [] };
    if (found === undefined) this.#lines.set(key, line);
    else await this.#wait(line);
    try {
      return await task(this.#turn(line, end, found === undefined));
    } catch (error) {
      // What failed may have been written all the same.
      line.state = undefined;
      throw error;
    } finally {
      this.#passOn(key, line);
    }
  }

  #turn(line: Line<State>, end: number, immediate: boolean): Turn<State> {
    let calls = 0;
    return {
      get state() {
        return line.state;
      },
      set state(state) {
        line.state = state;
      },
      send: (call) => {
        calls += 1;
        // A call that neither waited nor is a repetition has the backend's own deadline, whose error says more.
        return immediate && calls === 1 ? this.#send(line, call) : this.#sendUntil(line, end, call);
      },
    };
  }

  #send<T>(line: Line<State>, call: () => Promise<T>): Promise<T> {
    const sent = call();
    const ended = (): void => {
      line.inFlight = undefined;
    };
    line.inFlight = sent.then(ended, ended);
    return sent;
  }

  #sendUntil<T>(line: Line<State>, end: number, call: () => Promise<T>): Promise<T> {
    const left = end - this.#clock.monotonic();
    if (left <= 0) return Promise.reject(this.#late("no"));
    return withDeadline(this.#send(line, call), left, this.#clock, () => this.#late("maybe"));
  }

  #wait(line: Line<State>): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        line.waiting.splice(line.waiting.indexOf(go), 1);
        reject(this.#late("no"));
      };
      const timer = this.#clock.setTimeout(giveUp, this.#deadline, { keepAlive: true });
      const go = (): void => {
        timer.cancel();
        resolve();
      };
      line.waiting.push(go);
    });
  }

  #passOn(key: string, line: Line<State>): void {
    // A call whose caller gave up is still on its way, and its resend must not meet a newer write of this process.
    if (line.inFlight !== undefined) {
      void line.inFlight.then(() => this.#passOn(key, line));
      return;
    }
    const next = line.waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#lines.delete(key);
    if (this.#lines.size === 0) for (const resolve of this.#settled.splice(0)) resolve();
  }

  #late(executed: "no" | "maybe"): TimeoutError {
    const reason =
      executed === "no" ? "it was not sent, other writes of the session took all the time" : "no answer came";
    return new TimeoutError(`the session could not be written within ${this.#deadline} ms: ${reason}`, {
      executed,
      retryAfter: 1000,
    });
  }
}
