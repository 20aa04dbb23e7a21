import type { Clock, Timer } from "../core/clock.js";
import type { HeldLock } from "./held-lock.js";
import type { LockTerms } from "./lock-options.js";

/** What somebody in this process waits for. */
export interface Wanted {
  readonly terms: LockTerms;
  /** JSON on the holder to be. */
  readonly notes: string;
  readonly signal: AbortSignal | undefined;
  /** Whether it waits at all. */
  readonly isPatient: boolean;
}

/** Where somebody waits. */
export interface LocalQueue {
  leave(waiter: LocalWaiter): void;
  late(waiter: LocalWaiter): Error;
}

/** Somebody in this process who waits for a lock, until it is granted, its time is over, or it is called off. */
export class LocalWaiter {
  readonly wanted: Wanted;
  readonly promise: Promise<HeldLock>;
  readonly #queue: LocalQueue;
  readonly #abort: (() => void) | undefined;
  readonly #timer: Timer | undefined;
  #resolve!: (lock: HeldLock) => void;
  #reject!: (error: unknown) => void;

  constructor(wanted: Wanted, clock: Clock, queue: LocalQueue) {
    this.wanted = wanted;
    this.#queue = queue;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { terms, signal, isPatient } = wanted;
    // Kept alive: whoever awaits a lock expects an answer before the process ends.
    if (isPatient && terms.wait !== Number.POSITIVE_INFINITY)
      this.#timer = clock.setTimeout(() => this.#leave(this.#queue.late(this)), terms.wait, { keepAlive: true });
    if (signal !== undefined) {
      this.#abort = () => this.#leave(signal.reason);
      signal.addEventListener("abort", this.#abort);
    }
  }

  grant(lock: HeldLock): void {
    this.#end();
    this.#resolve(lock);
  }

  refuse(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  /** The error is made before: with this waiter may go what is known of the lock. */
  #leave(error: unknown): void {
    this.#queue.leave(this);
    this.refuse(error);
  }

  #end(): void {
    this.#timer?.cancel();
    if (this.#abort !== undefined) this.wanted.signal?.removeEventListener("abort", this.#abort);
  }
}
