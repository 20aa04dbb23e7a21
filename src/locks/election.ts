import { AsyncLocalStorage } from "node:async_hooks";
import { backoff } from "../core/backoff.js";
import type { Clock } from "../core/clock.js";
import { ClosedError } from "../core/errors.js";
import type { Logger } from "../core/logger.js";
import type { Lock } from "./held-lock.js";
import type { LockHolder } from "./lock-notes.js";
import type { AcquireOptions, LockOptions } from "./lock-options.js";
import { watchHolder } from "./holder-watch.js";
import type { LockInspection } from "./lock-views.js";

/** The time in which an instance leads. */
export interface Leadership {
  /** Rises with every leader: the fencing token. Give it to whatever the leader writes to. */
  readonly term: number;
  /** Aborts when the leadership ends, for whatever reason. */
  readonly signal: AbortSignal;
  /** Throws `LockLostError` unless this instance leads now. */
  assert(): void;
}

/** How an instance stands for a leadership. */
export interface ElectOptions extends Pick<LockOptions, "lease" | "owner" | "reason" | "details" | "guarantee"> {
  /**
   * Called when this instance begins to lead, which it does until it resigns or loses. Nobody else gets the leadership
   * by a resignation before what this returns has settled; when it rejects, the error is logged and the leadership given up.
   */
  readonly onElected?: ((leadership: Leadership) => unknown) | undefined;
  /** Called when this instance leads no more. */
  readonly onDemoted?: ((term: number) => unknown) | undefined;
}

/** An instance that leads, or stands by. */
export interface Election {
  readonly name: string;
  readonly isLeader: boolean;
  /** That of this instance; undefined while it does not lead. */
  readonly term: number | undefined;
  /** Whoever leads now, anywhere. */
  leader(): Promise<LockHolder | undefined>;
  /** Called with whoever leads, now and whenever that changes; looked at every third of a lease. The returned function ends it. */
  observe(listener: (leader: LockHolder | undefined) => void): () => void;
  /**
   * Gives the leadership to the next who stands by, and stands by again; resolves when it is given up. Called from within
   * `onElected` it resolves at once, and the leadership is given up when that has ended.
   */
  resign(): Promise<void>;
  /** Stands for it no more; resolves as `resign` does. */
  close(): Promise<void>;
}

/** What a candidate asks of the room. */
export interface CandidateOptions {
  readonly locks: {
    acquire(name: string, options: AcquireOptions): Promise<Lock>;
    inspect(name: string): Promise<LockInspection>;
  };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds. */
  readonly lease: number;
  readonly onClosed: () => void;
}

interface Reign {
  readonly lock: Lock;
  readonly end: AbortController;
  readonly over: Promise<void>;
}

const restAfterResigning = 1_000;

/**
 * Stands for a leadership: a lock that is waited for without end.
 *
 * Two may believe to lead at once only if one of them does not notice that its lease has ended, as after a pause of its
 * process: the term is what tells them apart.
 */
export class Candidate implements Election {
  readonly name: string;
  readonly #options: ElectOptions;
  readonly #means: CandidateOptions;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  readonly #observers = new Set<() => void>();
  /** The reign whose callback the running code is part of; it must not wait for its own end. */
  readonly #within = new AsyncLocalStorage<Reign>();
  #reign: Reign | undefined;

  constructor(name: string, options: ElectOptions, means: CandidateOptions) {
    this.name = name;
    this.#options = options;
    this.#means = means;
    this.#done = this.#stand();
  }

  get isLeader(): boolean {
    return this.#reign?.lock.held === true && !this.#reign.end.signal.aborted;
  }

  get term(): number | undefined {
    return this.isLeader ? this.#reign?.lock.token : undefined;
  }

  async leader(): Promise<LockHolder | undefined> {
    return (await this.#means.locks.inspect(this.name)).holder;
  }

  observe(listener: (leader: LockHolder | undefined) => void): () => void {
    if (this.#closing.signal.aborted) return () => undefined;
    const stop = watchHolder(this.name, this.#means, listener);
    const end = (): void => {
      stop();
      this.#observers.delete(end);
    };
    this.#observers.add(end);
    return end;
  }

  async resign(): Promise<void> {
    const reign = this.#reign;
    reign?.end.abort();
    if (this.#within.getStore() !== reign) await reign?.over;
  }

  async close(): Promise<void> {
    this.#closing.abort(new ClosedError("this instance does not stand for it any more"));
    for (const end of [...this.#observers]) end();
    this.#reign?.end.abort();
    if (this.#reign === undefined || this.#within.getStore() !== this.#reign) await this.#done;
  }

  async #stand(): Promise<void> {
    const { locks, onClosed, logger } = this.#means;
    const { onElected: _elected, onDemoted: _demoted, ...options } = this.#options;
    const { signal } = this.#closing;
    const retry = backoff({ base: 500, cap: 5_000 });
    while (!signal.aborted) {
      try {
        const lock = await locks.acquire(this.name, { ...options, wait: Number.POSITIVE_INFINITY, signal });
        retry.reset();
        if (signal.aborted) await lock.release();
        else await this.#lead(lock);
      } catch (error) {
        if (signal.aborted || error instanceof ClosedError) break;
        logger.warn(
          { code: "WARN_FLEET_ELECTION", err: error },
          "an instance could not stand for a leadership; it tries again",
        );
        await this.#rest(retry.next());
      }
    }
    onClosed();
  }

  async #lead(lock: Lock): Promise<void> {
    const end = new AbortController();
    const stopListening = lock.onLost((error) => end.abort(error));
    let finish!: () => void;
    const reign: Reign = { lock, end, over: new Promise<void>((resolve) => (finish = resolve)) };
    this.#reign = reign;
    const term = lock.token;
    try {
      const leadership: Leadership = { term, signal: end.signal, assert: () => lock.assert() };
      await Promise.all([this.#call("onElected", leadership, reign), ended(end.signal)]);
    } finally {
      stopListening();
      await lock.release();
      await this.#call("onDemoted", term, reign);
      this.#reign = undefined;
      finish();
    }
    // Whoever stands by gets it; where nobody does, it comes back.
    if (lock.lost === undefined) await this.#rest(restAfterResigning);
  }

  /** What the application does in it; a failure gives the leadership up. */
  async #call(what: "onElected" | "onDemoted", argument: unknown, reign: Reign): Promise<void> {
    try {
      const call = this.#options[what] as ((argument: unknown) => unknown) | undefined;
      await this.#within.run(reign, async () => call?.(argument));
    } catch (error) {
      this.#means.logger.error({ code: "WARN_FLEET_ELECTION", err: error }, `${what} of an election failed`);
      reign.end.abort(error);
    }
  }

  #rest(milliseconds: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const stop = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", stop);
        resolve();
      };
      const timer = this.#means.clock.setTimeout(stop, milliseconds);
      signal.addEventListener("abort", stop);
    });
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
