import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { AnyBackend, BackendEvents, BackendState, BackendStats, Topology } from "./backend/backend.js";
import { openBackend } from "./backend/open-backend.js";
import type { FleetConfig } from "./config/backend-config.js";
import { describeStart, resolveConfig, type FleetConfigOptions } from "./config/index.js";
import { systemClock } from "./core/clock.js";
import { Lifecycle } from "./core/lifecycle.js";
import { parseDuration, type Duration } from "./core/duration.js";
import { resolveLogger, type Logger } from "./core/logger.js";
import { announceClose, closeServer, type ClosableServer } from "./drain-server.js";
import { Health, type HealthCheck } from "./health/index.js";
import type { Sessions, SessionsOptions, SessionsStats } from "./sessions/index.js";
import { createSessions } from "./sessions/sessions.js";

/** What a fleet is made of; everything is optional, and the backend then comes from the environment. */
export interface FleetOptions extends FleetConfigOptions {
  readonly sessions?: SessionsOptions | undefined;
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
  readonly sessions: SessionsStats;
}

/** One instance's share of the fleet. */
export interface Fleet {
  /** The name of this instance for people. */
  readonly instance: string;
  readonly state: BackendState;
  readonly sessions: Sessions;
  readonly health: Health;
  /** Resolves when the backend answers; rejects after `timeouts.start` with the diagnosis. Optional: calls wait by themselves. */
  ready(): Promise<void>;
  /** Calls the listener at each event; the returned function ends that. */
  on<E extends keyof BackendEvents>(event: E, listener: (payload: BackendEvents[E]) => void): () => void;
  stats(): FleetStats;
  /** The servers behind the fleet, without secrets. */
  topology(): Topology;
  /**
   * Ends the instance without losing a request: readiness turns 503, the server goes on for `preStop` and is closed,
   * requests and saves get `grace` to finish, then the backend is closed. Never rejects; every call gets the same end.
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

const backendHealth: Readonly<Record<BackendState, HealthCheck["status"]>> = {
  ready: "pass",
  degraded: "warn",
  starting: "fail",
  down: "fail",
  fatal: "fail",
  draining: "fail",
  closed: "fail",
};

// Closing a part only ends what is left of it; what it had to finish was waited for before.
const partLimit = 1_000;

class FleetInstance implements Fleet {
  readonly instance: string;
  readonly sessions: Sessions;
  readonly health: Health;
  readonly #logger: Logger;
  readonly #backend: AnyBackend;
  readonly #lifecycle: Lifecycle;
  #closing: Promise<void> | undefined;

  constructor(options: FleetOptions) {
    const { sessions, logger, ...rest } = options;
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
    this.#backend = openBackend({
      config: config.backend,
      namespace: config.namespace,
      instance: config.instance,
      instanceId: randomBytes(12).toString("base64url"),
      clock: systemClock,
      onListenerError: (error) => this.#logger.error({ code: "WARN_FLEET_LISTENER", err: error }, "a listener failed"),
    });
    this.sessions = createSessions({
      backend: this.#backend,
      options: sessions ?? {},
      externalUrl: config.externalUrl,
      logger: this.#logger,
      clock: systemClock,
      processId: randomBytes(8).toString("base64url"),
      ...(config.backend.kind === "memory" ? {} : { deadline: config.backend.timeouts.command }),
    });
    this.#lifecycle = new Lifecycle(systemClock, (error, name) => {
      this.#logger.error({ code: "WARN_FLEET_CLOSE", err: error, part: name }, "closing a part of the fleet failed");
    });
    this.#lifecycle.add({ name: "the backend", limit: partLimit, close: () => this.#backend.close() });
    this.#lifecycle.add({ name: "sessions", limit: partLimit, close: () => this.sessions.close() });
    this.health = new Health({
      sources: [{ name: "backend", check: () => this.#check() }],
      draining: () => this.#closing !== undefined,
    });
    this.#report(config);
  }

  get state(): BackendState {
    return this.#backend.state;
  }

  ready(): Promise<void> {
    return this.#backend.ready();
  }

  on<E extends keyof BackendEvents>(event: E, listener: (payload: BackendEvents[E]) => void): () => void {
    return this.#backend.on(event, listener);
  }

  stats(): FleetStats {
    return { backend: this.#backend.stats(), sessions: this.sessions.stats() };
  }

  topology(): Topology {
    return this.#backend.topology();
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
    this.#backend.drain();
    if (server !== undefined) announceClose(server);
    if (wait > 0) await pause(wait, true);
    if (server !== undefined) await closeServer(server, left(), systemClock);
    await Promise.race([this.sessions.settle(), pause(left(), false)]);
    await this.#lifecycle.close();
  }

  #check(): HealthCheck {
    const { connections, pending } = this.#backend.stats();
    const { state, kind } = this.#backend;
    return { status: backendHealth[state], detail: { kind, state, connections, pending } };
  }

  #report(config: FleetConfig): void {
    this.#logger.info({ code: "INFO_FLEET_START" }, describeStart(config));
    for (const { code, message, help } of config.notices) {
      const fields = help === undefined ? { code } : { code, help };
      if (code.startsWith("WARN")) this.#logger.warn(fields, message);
      else this.#logger.info(fields, message);
    }
    this.#backend.on("warning", ({ code, message }) => this.#logger.warn({ code }, message));
    this.#backend.on("state", ({ from, to, reason }) => {
      const fields = { code: "INFO_FLEET_STATE", from, to, reason };
      if (to === "fatal")
        this.#logger.error({ ...fields, code: "WARN_FLEET_BACKEND_FATAL" }, `the backend cannot be used: ${reason}`);
      else this.#logger.info(fields, `the backend is ${to}`);
    });
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
