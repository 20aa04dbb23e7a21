import type { Clock } from "../core/clock.js";
import { channels, trace, type Counters } from "../core/diagnostics.js";
import { ClosedError } from "../core/errors.js";
import type { Logger } from "../core/logger.js";
import type { SessionAddress } from "./identifier.js";
import type { Merge } from "./merge.js";
import type { SaveCoordinator, SaveOutcome, SaveRequest } from "./save-coordinator.js";
import type { SessionEndings } from "./session-endings.js";
import type { DestroyResult, LoadResult, SessionStore } from "./session-store.js";

/** What the room counts since start. */
export const sessionCounters = [
  "loads",
  "misses",
  "saves",
  "conflicts",
  "merges",
  "gone",
  "corrupt",
  "touches",
  "destroys",
  "errors",
] as const;

export type SessionCounter = (typeof sessionCounters)[number];

/** What every store and middleware of one fleet shares. */
export interface SessionRoomOptions {
  readonly store: SessionStore;
  readonly coordinator: SaveCoordinator;
  readonly merge: Merge;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters<SessionCounter>;
  /** The share of the idle time after which a session is extended. */
  readonly touch: number;
  readonly endings: SessionEndings;
}

/** The room behind the stores of one fleet: its calls, counted, traced, and known until they end. */
export class SessionRoom {
  readonly merge: Merge;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters<SessionCounter>;
  readonly touchFraction: number;
  readonly endings: SessionEndings;
  readonly #store: SessionStore;
  readonly #coordinator: SaveCoordinator;
  readonly #touches = new Map<string, Promise<"done" | "gone" | "failed">>();
  #closed = false;

  constructor(options: SessionRoomOptions) {
    this.merge = options.merge;
    this.clock = options.clock;
    this.logger = options.logger;
    this.counters = options.counters;
    this.touchFraction = options.touch;
    this.endings = options.endings;
    this.#store = options.store;
    this.#coordinator = options.coordinator;
  }

  load({ selector }: SessionAddress): Promise<LoadResult> {
    this.counters.add("loads");
    return this.#counted(() => trace(channels.sessionLoad, {}, () => this.#store.load({ selector })));
  }

  save(address: SessionAddress, request: SaveRequest): Promise<SaveOutcome> {
    return this.#counted(() => trace(channels.sessionSave, {}, () => this.#coordinator.save(address, request)));
  }

  destroy(address: SessionAddress): Promise<DestroyResult> {
    return this.#counted(() => trace(channels.sessionDestroy, {}, () => this.#coordinator.destroy(address)));
  }

  /** Extends a session; never rejects, since a later request tries again. Requests of one session share one extension. */
  touch({ selector, token }: SessionAddress): Promise<"done" | "gone" | "failed"> {
    let touching = this.#touches.get(selector);
    if (touching === undefined) {
      touching = this.#touch(selector, token).finally(() => this.#touches.delete(selector));
      this.#touches.set(selector, touching);
    }
    return touching;
  }

  /** Resolves when no save, destroy or extension is under way. */
  async settle(): Promise<void> {
    await Promise.all([this.#coordinator.settle(), ...this.#touches.values()]);
  }

  /** From now on every call is refused with `ClosedError`; resolves when those under way have ended. */
  close(): Promise<void> {
    this.#closed = true;
    return this.settle();
  }

  async #touch(selector: string, token: string): Promise<"done" | "gone" | "failed"> {
    this.counters.add("touches");
    try {
      return (await this.#counted(() => this.#store.touch({ selector, token }))).status;
    } catch (error) {
      this.logger.warn({ code: "WARN_FLEET_SESSION_TOUCH", err: error }, "a session could not be extended");
      return "failed";
    }
  }

  async #counted<T>(call: () => Promise<T>): Promise<T> {
    try {
      if (this.#closed) throw new ClosedError();
      return await call();
    } catch (error) {
      this.counters.add("errors");
      throw error;
    }
  }
}
