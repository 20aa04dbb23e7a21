import type { Clock } from "./clock.js";
import { withDeadline } from "./deadline.js";
import { ClosedError, TimeoutError } from "./errors.js";

/** One thing to close. */
export interface Closer {
  /** What it is, for the report when closing it fails. */
  readonly name: string;
  /** Milliseconds after which the next one is closed all the same. */
  readonly limit: number;
  readonly close: () => Promise<void> | void;
}

/**
 * What was opened, closed once in reverse order, one after the other.
 *
 * A closer that fails or takes longer than its limit is reported to `onError` and passed over.
 */
export class Lifecycle {
  readonly #clock: Clock;
  readonly #onError: (error: unknown, name: string) => void;
  readonly #closers: Closer[] = [];
  #closed: Promise<void> | undefined;

  constructor(clock: Clock, onError: (error: unknown, name: string) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Whether `close` has begun. */
  get closing(): boolean {
    return this.#closed !== undefined;
  }

  /** Closes `closer` before everything that was added earlier; throws `ClosedError` once closing has begun. */
  add(closer: Closer): void {
    if (this.closing) throw new ClosedError(`the fleet is closing, ${closer.name} cannot be opened`);
    this.#closers.push(closer);
  }

  /** Closes everything; never rejects, and every call gets the same promise. */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  async #closeAll(): Promise<void> {
    // Before the first closer runs, so that a closer which calls `close` finds that it has begun.
    await Promise.resolve();
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await this.#closeOne(closer);
      } catch (error) {
        this.#report(error, closer.name);
      }
    }
  }

  #closeOne({ name, limit, close }: Closer): Promise<void> {
    const onTimeout = (): Error =>
      new TimeoutError(`closing ${name} took longer than ${limit} ms`, { executed: "maybe" });
    // Kept alive: the caller awaits this promise, and a process that ends before it settles looks like a crash.
    return withDeadline((async () => close())(), limit, this.#clock, onTimeout, { keepAlive: true });
  }

  #report(error: unknown, name: string): void {
    try {
      this.#onError(error, name);
    } catch {
      // Closing goes on whatever the reporter does.
    }
  }
}
