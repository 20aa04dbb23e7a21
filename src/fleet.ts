import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { BackendState, BackendStats, Topology } from "./backend/backend.js";
import { backendHealth } from "./backend-health.js";
import type { FleetConfig, RoomName } from "./config/backend-config.js";
import { resolveConfig, type FleetConfigOptions } from "./config/index.js";
import { systemClock } from "./core/clock.js";
import { Lifecycle } from "./core/lifecycle.js";
import { parseDuration, type Duration } from "./core/duration.js";
import { resolveLogger, type Logger } from "./core/logger.js";
import { settingsFingerprint, type Fact } from "./core/settings-fingerprint.js";
import { announceClose, closeServer, type ClosableServer } from "./drain-server.js";
import { logBackends, logStart } from "./fleet-log.js";
import { createFleetFeed } from "./fleet-feed.js";
import { createFleetLocks, type FleetLocks } from "./fleet-locks.js";
import { createFleetReservations } from "./fleet-reservations.js";
import { fleetSettings } from "./fleet-settings.js";
import type { Feed, FeedStats } from "./feed/feed.js";
import type { Instance } from "./feed/roster.js";
import { Health } from "./health/index.js";
import type { Locks, LocksOptions, LocksStats } from "./locks/index.js";
import { openBackends, type FleetBackends, type FleetEvents } from "./open-backends.js";
import type { Reservations, ReservationsStats } from "./reservations/index.js";
import type { ReservationsOfFleet } from "./reservations/reservations.js";
import type { Sessions, SessionsOptions, SessionsStats } from "./sessions/index.js";
import { createSessions, type SessionsOfFleet } from "./sessions/sessions.js";

/** What a fleet is made of; everything is optional, and the backend then comes from the environment. */
export interface FleetOptions extends FleetConfigOptions {
  readonly sessions?: SessionsOptions | undefined;
  readonly locks?: LocksOptions | undefined;
  /** Default: warnings and errors on the console, once per code. `false` silences them. */
  readonly logger?: Logger | false | undefined;
}

/** How a fleet ends. */
export interface CloseOptions {
  /** Closed with its idle connections, once its requests are answered. */
  readonly server?: ClosableServer | undefined;
  /** How long the server goes on after readiness turned 503, so that balancers notice. Default 0. */
  readonly preStop?: Duration | undefined;
  /** How long requests and saves may still take; a connection that has sent nothing yet counts as one. Default 10 s. */
  readonly grace?: Duration | undefined;
}

/** Plain numbers since start; no names of users, no secrets. */
export interface FleetStats {
  readonly backend: BackendStats;
  /** Those of the rooms that have a backend of their own. */
  readonly backends: Readonly<Partial<Record<RoomName, BackendStats>>>;
  readonly feed: FeedStats;
  readonly sessions: SessionsStats;
  readonly locks: LocksStats;
  readonly reservations: ReservationsStats;
}

/** One instance's share of the fleet. */
export interface Fleet {
  /** The name of this instance for people. */
  readonly instance: string;
  /** The worst state of its backends. */
  readonly state: BackendState;
  readonly sessions: Sessions;
  readonly locks: Locks;
  readonly reservations: Reservations;
  readonly health: Health;
  /**
   * Resolves when every backend answers; rejects after `timeouts.start` with the diagnosis of one that does not.
   * Optional: calls wait by themselves.
   */
  ready(): Promise<void>;
  /** Calls the listener at each event of any backend; the returned function ends that. `room` says whose own backend it is. */
  on<E extends keyof FleetEvents>(event: E, listener: (payload: FleetEvents[E]) => void): () => void;
  stats(): FleetStats;
  /** The servers of the default backend, without secrets. */
  topology(): Topology;
  /**
   * The instances that live now on the default backend, this one too, in the order of their names; one that stopped
   * without a word is listed for six seconds more. Rejects as any call does when the backend does not answer.
   */
  instances(): Promise<readonly Instance[]>;
  /**
   * Ends the instance without losing a request: readiness turns 503, the server goes on for `preStop` and is closed,
   * requests and saves get `grace` to finish, then the backends are closed. Never rejects; every call gets the same end.
   * Calls that wait for an absent backend fail at once when it begins.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Joins this process to a fleet. Synchronous: it connects in the background, and calls wait for that up to their deadline.
 *
 * Throws `ConfigError` with every problem at once when the configuration cannot be used.
 */
export function createFleet(options: FleetOptions = {}): Fleet {
  return new FleetInstance(options);
}

// Closing a part only ends what is left of it; what it had to finish was waited for before.
const partLimit = 1_000;

/** Tells this process from every other one, here or elsewhere, now or later; the same in both formats of the package. */
const thisProcess = `${hostname()} ${process.pid} ${performance.timeOrigin}`;

class FleetInstance implements Fleet {
  readonly instance: string;
  readonly health: Health;
  readonly #logger: Logger;
  readonly #backends: FleetBackends;
  readonly #sessions: SessionsOfFleet;
  readonly #locks: FleetLocks;
  readonly #reservations: ReservationsOfFleet;
  readonly #feed: Feed;
  readonly #lifecycle: Lifecycle;
  #closing: Promise<void> | undefined;

  constructor(options: FleetOptions) {
    const { sessions, locks, logger, ...rest } = options;
    this.#logger = resolveLogger(logger);
    const config = resolveConfig({
      options: rest,
      env: process.env,
      hostname: hostname(),
      pid: process.pid,
      clusterWorker: cluster.isWorker,
      readFile: (path) => readFileSync(path, "utf8"),
    });
    this.instance = config.instance;
    this.#backends = openBackends({
      config,
      instanceId: randomBytes(12).toString("base64url"),
      clock: systemClock,
      onListenerError: (error) => this.#logger.error({ code: "WARN_FLEET_LISTENER", err: error }, "a listener failed"),
    });
    const processId = randomBytes(8).toString("base64url");
    const feed = {
      config,
      rooms: () => this.#roomsInUse(),
      here: { process: thisProcess, fleet: processId },
      logger: this.#logger,
    };
    const backends = this.#backends;
    try {
      this.#sessions = this.#createSessions(config, sessions ?? {}, processId);
      this.#locks = createFleetLocks({ ...feed, backends, options: locks ?? {}, feed: () => this.#feed });
    } catch (error) {
      // Nobody gets a fleet to close, so what was opened for it would connect for ever.
      for (const { backend } of this.#backends.all) void backend.close();
      throw error;
    }
    this.#feed = createFleetFeed({ ...feed, backend: backends.default });
    if (backends.of("locks") === backends.default) this.#locks.locks.join(this.#feed.mailbox);
    const watch = this.#sessions.endings;
    this.#reservations = createFleetReservations({ ...feed, backends, feed: () => this.#feed, watch });
    this.#lifecycle = this.#createLifecycle();
    this.health = new Health({
      sources: this.#backends.all.map(backendHealth),
      draining: () => this.#closing !== undefined,
      settings: () => this.#fingerprint(config, processId),
    });
    logStart(config, this.#logger);
    logBackends(this.#backends, this.#logger);
  }

  get state(): BackendState {
    return this.#backends.state;
  }

  get sessions(): Sessions {
    return this.#sessions;
  }

  get locks(): Locks {
    return this.#locks.locks;
  }

  get reservations(): Reservations {
    return this.#reservations;
  }

  ready(): Promise<void> {
    return this.#backends.ready();
  }

  on<E extends keyof FleetEvents>(event: E, listener: (payload: FleetEvents[E]) => void): () => void {
    return this.#backends.on(event, listener);
  }

  stats(): FleetStats {
    return {
      backend: this.#backends.default.stats(),
      backends: this.#backends.statsOfRooms(),
      feed: this.#feed.stats(),
      sessions: this.#sessions.stats(),
      locks: this.locks.stats(),
      reservations: this.#reservations.stats(),
    };
  }

  topology(): Topology {
    return this.#backends.default.topology();
  }

  instances(): Promise<readonly Instance[]> {
    return this.#feed.roster.instances();
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async #close({ server, preStop, grace }: CloseOptions): Promise<void> {
    // Read before anything is closed: a mistake in them must not leave the fleet half closed.
    const wait = preStop === undefined ? 0 : durationOr(preStop, "preStop", 0, this.#logger);
    const end =
      systemClock.monotonic() +
      wait +
      (grace === undefined ? 10_000 : durationOr(grace, "grace", 10_000, this.#logger));
    const left = (): number => Math.max(0, end - systemClock.monotonic());
    this.#backends.drain();
    if (server !== undefined) announceClose(server);
    if (wait > 0) await pause(wait, true);
    if (server !== undefined) await closeServer(server, left(), systemClock);
    await Promise.race([Promise.all([this.#sessions.settle(), this.#locks.locks.settle()]), pause(left(), false)]);
    await this.#lifecycle.close();
  }

  #createSessions(config: FleetConfig, options: SessionsOptions, processId: string): SessionsOfFleet {
    const own = config.backends?.sessions ?? config.backend;
    return createSessions({
      backend: this.#backends.of("sessions"),
      options,
      externalUrl: config.externalUrl,
      logger: this.#logger,
      clock: systemClock,
      processId,
      ...(own.kind === "memory" ? {} : { deadline: own.timeouts.command }),
    });
  }

  /** What of each room that the app uses must be the same on all instances; more as the app sets itself up. */
  #roomsInUse(): Readonly<Partial<Record<RoomName, Fact>>> {
    const { locks } = this.#locks;
    return {
      ...(this.#sessions.inUse ? { sessions: this.#sessions.sharedSettings() } : {}),
      ...(locks.inUse ? { locks: locks.sharedSettings() } : {}),
      ...(this.#reservations.inUse ? { reservations: this.#reservations.sharedSettings() } : {}),
    };
  }

  #fingerprint(config: FleetConfig, fleet: string): string {
    const rooms = { sessions: this.#sessions.sharedSettings(), ...this.#roomsInUse() };
    return settingsFingerprint(config.namespace, fleetSettings(config, rooms, { process: thisProcess, fleet }));
  }

  /** What was added last is closed first: the rooms, their own backends, and the default one at the end. */
  #createLifecycle(): Lifecycle {
    const lifecycle = new Lifecycle(systemClock, (error, name) => {
      this.#logger.error({ code: "WARN_FLEET_CLOSE", err: error, part: name }, "closing a part of the fleet failed");
    });
    for (const { room, backend } of this.#backends.all) {
      const name = room === undefined ? "the backend" : `the backend of ${room}`;
      lifecycle.add({ name, limit: partLimit, close: () => backend.close() });
    }
    lifecycle.add({ name: "the feed", limit: partLimit, close: () => this.#feed.close() });
    lifecycle.add({ name: "locks", limit: partLimit, close: () => this.#locks.close() });
    lifecycle.add({ name: "reservations", limit: partLimit, close: () => this.#reservations.close() });
    lifecycle.add({ name: "sessions", limit: partLimit, close: () => this.#sessions.close() });
    return lifecycle;
  }
}

/** `close` never rejects, so a duration that cannot be read is reported and replaced by its default. */
function durationOr(value: Duration, name: string, fallback: number, logger: Logger): number {
  try {
    return parseDuration(value, name);
  } catch (error) {
    logger.error(
      { code: "ERR_FLEET_CONFIG_DURATION", err: error },
      `close({ ${name} }) cannot be read, ${fallback} ms is used`,
    );
    return fallback;
  }
}

function pause(milliseconds: number, keepAlive: boolean): Promise<void> {
  return new Promise((resolve) => void systemClock.setTimeout(resolve, milliseconds, { keepAlive }));
}
