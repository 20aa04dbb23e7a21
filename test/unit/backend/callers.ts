import type { RedisBackend } from "../../../src/backend/backend.js";
import { pause } from "../../support/until.js";
import { remember, remembered } from "./open-backend.js";

/** What became of a load. */
export interface CallersReport {
  /** Calls that failed, by their messages. */
  readonly errors: readonly string[];
  /** Calls that were acknowledged. */
  readonly acknowledged: number;
  /** Acknowledged calls whose effect is not there: what a server lost with its data. */
  readonly lost: number;
  /** The longest that a call took, in milliseconds. */
  readonly longest: number;
}

/** One caller for each key, which remembers one operation after the other there, with hardly a rest in between. */
export class Callers {
  readonly #backend: RedisBackend;
  readonly #errors: string[] = [];
  readonly #finished: Promise<readonly number[]>;
  #running = true;
  #acknowledged = 0;
  #longest = 0;

  constructor(backend: RedisBackend, keys: readonly string[]) {
    this.#backend = backend;
    this.#finished = Promise.all(keys.map((key) => this.#run(key)));
    // A test that fails before `stop` must not end with an unhandled rejection as well.
    this.#finished.catch(() => undefined);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Ends the load and reads what it left. */
  async stop(): Promise<CallersReport> {
    this.#running = false;
    const lost = await this.#finished;
    return {
      errors: this.#errors,
      acknowledged: this.#acknowledged,
      lost: lost.reduce((sum, count) => sum + count, 0),
      longest: this.#longest,
    };
  }

  async #run(key: string): Promise<number> {
    const acknowledged: string[] = [];
    let count = 0;
    while (this.#running) {
      count += 1;
      const operation = `op-${count}`;
      const began = performance.now();
      try {
        await this.#backend.run(remember, { keys: { key }, args: { operation } });
        acknowledged.push(operation);
        this.#acknowledged += 1;
      } catch (error) {
        this.#errors.push((error as Error).message);
      }
      this.#longest = Math.max(this.#longest, performance.now() - began);
      await pause(5);
    }
    const { operations } = await remembered(this.#backend, key);
    const there = new Set(operations);
    return acknowledged.filter((operation) => !there.has(operation)).length;
  }
}

/** Starts a load at once. */
export function startCallers(backend: RedisBackend, keys: readonly string[]): Callers {
  return new Callers(backend, keys);
}
