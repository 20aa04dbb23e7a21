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

/** Somebody in this process who waits for a lock, until it is granted, its time is over, or it is called off. */
export class LocalWaiter {
  readonly wanted: Wanted;
  readonly promise: Promise<HeldLock>;
  /** How many were ahead of it when it left. */
  ahead: number | undefined;
  readonly #leave: (waiter: LocalWaiter) => void;
  readonly #timeout: () => Error;
  #resolve!: (lock: HeldLock) => void;
  #reject!: (error: unknown) => void;
  #timer: Timer | undefined;

  /** `leave` takes it out of its queue; `timeout` makes the error for the end of its time. */
  constructor(
    wanted: Wanted,
    clock: Clock,
    leave: (waiter: LocalWaiter) => void,
    timeout: (waiter: LocalWaiter) => Error,
  ) {
    this.wanted = wanted;
    this.#leave = leave;
    this.#timeout = () => timeout(this);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { wait } = wanted.terms;
    // Kept alive: whoever awaits a lock expects an answer before the process ends.
    if (wanted.isPatient && wait !== Number.POSITIVE_INFINITY)
      this.#timer = clock.setTimeout(this.#expire, wait, { keepAlive: true });
    wanted.signal?.addEventListener("abort", this.#abort);
  }

  grant(lock: HeldLock): void {
    this.#end();
    this.#resolve(lock);
  }

  refuse(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  readonly #expire = (): void => {
    this.#leave(this);
    this.refuse(this.#timeout());
  };

  readonly #abort = (): void => {
    this.#leave(this);
    this.refuse(this.wanted.signal?.reason);
  };

  #end(): void {
    this.#timer?.cancel();
    this.wanted.signal?.removeEventListener("abort", this.#abort);
  }
}
