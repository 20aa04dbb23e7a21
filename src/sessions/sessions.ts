import type { AnyBackend } from "../backend/backend.js";
import type { Clock } from "../core/clock.js";
import { counters } from "../core/diagnostics.js";
import type { Logger } from "../core/logger.js";
import type { Fact } from "../core/settings-fingerprint.js";
import type { Handler } from "../http/handler.js";
import { ExpressSessionStore, type ExpressStore, type StorePolicy } from "./express-session-store.js";
import { createMerge } from "./merge.js";
import type { MiddlewareSettings, SessionMiddlewareOptions } from "./middleware-options.js";
import { createMiddleware } from "./middleware.js";
import { MemorySessionStore } from "./memory-session-store.js";
import { RedisSessionStore } from "./redis-session-store.js";
import { SaveCoordinator } from "./save-coordinator.js";
import { SessionEndings } from "./session-endings.js";
import { readSessionsOptions, type SessionSettings, type SessionsOptions } from "./session-options.js";
import { sessionCounters, SessionRoom, type SessionCounter } from "./session-room.js";
import { SharedSessionSettings } from "./shared-settings.js";
import { storePolicy, type StoreOptions } from "./store-options.js";

/** Counted since start, by this instance. */
export type SessionsStats = Readonly<Record<SessionCounter, number>>;

/** The sessions of a fleet, as one instance holds them. */
export interface Sessions {
  /**
   * A store for express-session: `session({ ...yours, store: fleet.sessions.store() })`. Each call gives a new one; give
   * each `session()` its own.
   */
  store(options?: StoreOptions): ExpressStore;
  /** The session middleware: express-session's options and objects, with safe defaults and commit before the response. */
  middleware(options: SessionMiddlewareOptions): Handler;
  /** Plain numbers; no ids, no users. */
  stats(): SessionsStats;
  /** Resolves when no save, destroy or extension is under way. */
  settle(): Promise<void>;
  /** From now on every call is refused with `ClosedError`; resolves when those under way have ended. */
  close(): Promise<void>;
}

/** The sessions of a fleet, as the fleet itself holds them. */
export interface SessionsOfFleet extends Sessions {
  /** What must be the same on all instances, without a secret; complete once the app has made its stores and middlewares. */
  sharedSettings(): Fact;
  /** Whether the app has made a store or a middleware. */
  readonly inUse: boolean;
  /** Tells other rooms which sessions end, and which get another identifier. */
  readonly endings: SessionEndings;
}

/** What the room is made of. */
export interface CreateSessionsOptions {
  readonly backend: AnyBackend;
  readonly options: SessionsOptions;
  readonly externalUrl?: URL | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Names this instance's writes: random, `[A-Za-z0-9_-]+`. */
  readonly processId: string;
  /** Milliseconds until a save ends, waiting and merging included; default 8000. */
  readonly deadline?: number | undefined;
}

const minute = 60_000;
const day = 24 * 60 * minute;

/** Makes the sessions of a fleet; throws `ConfigError` for options that cannot be used. */
export function createSessions(options: CreateSessionsOptions): SessionsOfFleet {
  return new FleetSessions(options);
}

class FleetSessions implements SessionsOfFleet {
  readonly #room: SessionRoom;
  readonly #settings: SessionSettings;
  readonly #shared: SharedSessionSettings;
  readonly #https: boolean;
  readonly endings: SessionEndings;

  constructor({ backend, options, externalUrl, logger, clock, processId, deadline = 8000 }: CreateSessionsOptions) {
    this.#settings = readSessionsOptions(options);
    this.#shared = new SharedSessionSettings(this.#settings);
    this.#https = externalUrl?.protocol === "https:";
    this.endings = new SessionEndings(logger);
    const store = backend.kind === "memory" ? new MemorySessionStore(backend) : new RedisSessionStore(backend);
    const merge = createMerge(this.#settings.merge);
    const counted = counters(sessionCounters);
    const coordinator = new SaveCoordinator({ store, merge, clock, counters: counted, processId, deadline });
    this.#room = new SessionRoom({
      store,
      coordinator,
      merge,
      clock,
      logger,
      counters: counted,
      touch: this.#settings.touch,
      endings: this.endings,
    });
  }

  store(options: StoreOptions = {}): ExpressStore {
    const { idle = day, absolute = 0 } = this.#settings;
    const policy = storePolicy(options, { idle, absolute: () => absolute });
    this.#shared.addStore({ idle, absolute });
    return new ExpressSessionStore(this.#room, policy);
  }

  middleware(options: SessionMiddlewareOptions): Handler {
    const { idle = 30 * minute, absolute } = this.#settings;
    const lifetime: Pick<StorePolicy, "idle" | "absolute"> = {
      idle,
      absolute: (maxAge = 0) => absolute ?? Math.max(30 * day, maxAge),
    };
    const onMade = (settings: MiddlewareSettings): void =>
      this.#shared.addMiddleware(settings, options, { idle, absolute: absolute ?? "default" });
    return createMiddleware({ room: this.#room, lifetime, https: this.#https, onMade }, options);
  }

  stats(): SessionsStats {
    return this.#room.counters.snapshot();
  }

  get inUse(): boolean {
    return this.#shared.inUse;
  }

  sharedSettings(): Fact {
    return this.#shared.facts();
  }

  settle(): Promise<void> {
    return this.#room.settle();
  }

  close(): Promise<void> {
    return this.#room.close();
  }
}
