import type { AnyBackend } from "../backend/backend.js";
import type { Clock } from "../core/clock.js";
import { withDeadline } from "../core/deadline.js";
import { counters } from "../core/diagnostics.js";
import { ClosedError, ConfigError, TimeoutError } from "../core/errors.js";
import type { Logger } from "../core/logger.js";
import type { Fact } from "../core/settings-fingerprint.js";
import type { Feed } from "../feed/feed.js";
import { MemoryReservationStore } from "./memory-reservation-store.js";
import { RedisReservationStore } from "./redis-reservation-store.js";
import { Registry, reservationCounters, type ReservationCounter } from "./registry.js";
import type { RegistryContext } from "./registry-context.js";
import { readRegistryOptions, registryFacts, type RegistryOptions } from "./registry-options.js";
import type { SessionWatch } from "./session-watch.js";

/** Counted since start, by this instance. */
export type ReservationsStats = Readonly<Record<ReservationCounter, number>>;

/** The reservations of a fleet, as one instance holds them. */
export interface Reservations {
  /**
   * Everything of one kind that can be reserved; every instance defines it with the same options.
   *
   * Throws `ConfigError` for options that cannot be used, and for a kind that is defined already.
   */
  define(kind: string, options?: RegistryOptions): Registry;
  /** Plain numbers; no items, no users. */
  stats(): ReservationsStats;
}

/** The reservations of a fleet, as the fleet itself holds them. */
export interface ReservationsOfFleet extends Reservations {
  /** What must be the same on all instances; complete once the app has defined its registries. */
  sharedSettings(): Fact;
  /** Whether the app has defined a registry. */
  readonly inUse: boolean;
  /** Releases nothing: the sessions live on elsewhere. Calls are refused with `ClosedError` from now on; never rejects. */
  close(): Promise<void>;
}

/** What the room is made of. */
export interface CreateReservationsOptions {
  readonly backend: AnyBackend;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The name of this instance for people. */
  readonly instance: string;
  /** The feed on the same backend; asked for when somebody wants to be told of changes. */
  readonly feed: () => Feed;
  readonly watch: SessionWatch;
}

/** Makes the reservations of a fleet; until a registry is defined nothing is opened. */
export function createReservations(options: CreateReservationsOptions): ReservationsOfFleet {
  return new FleetReservations(options);
}

/** How long the end of a session waits for its reservations to end, milliseconds; they do so afterwards all the same. */
const sessionPatience = 2_000;

class FleetReservations implements ReservationsOfFleet {
  readonly #options: CreateReservationsOptions;
  readonly #context: RegistryContext;
  readonly #registries = new Map<string, { readonly registry: Registry; readonly facts: Fact }>();
  readonly #ends: (() => void)[] = [];
  #operations = 0;
  #closed = false;

  constructor(options: CreateReservationsOptions) {
    this.#options = options;
    const { backend } = options;
    this.#context = {
      ...options,
      store: backend.kind === "memory" ? new MemoryReservationStore(backend) : new RedisReservationStore(backend),
      counters: counters(reservationCounters),
      operation: () => `${backend.instanceId}:${(this.#operations += 1)}`,
    };
  }

  define(kind: string, options: RegistryOptions = {}): Registry {
    if (this.#closed) throw new ClosedError();
    const settings = readRegistryOptions(kind, options);
    if (this.#registries.has(kind)) {
      throw new ConfigError([
        {
          code: "ERR_FLEET_RESERVATION_KIND",
          message: `reservations of the kind ${kind} are defined already in this fleet`,
          help: `keep what the first reservations.define("${kind}") returned, and use that`,
        },
      ]);
    }
    const registry = new Registry(this.#context, kind, settings);
    this.#registries.set(kind, { registry, facts: registryFacts(settings) });
    if (this.#ends.length === 0) this.#watchSessions();
    return registry;
  }

  stats(): ReservationsStats {
    return this.#context.counters.snapshot();
  }

  get inUse(): boolean {
    return this.#registries.size > 0;
  }

  sharedSettings(): Fact {
    return Object.fromEntries([...this.#registries].map(([kind, { facts }]) => [kind, facts]));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#ends) end();
    await Promise.all([...this.#registries.values()].map(({ registry }) => registry.close()));
  }

  #watchSessions(): void {
    const { watch } = this.#options;
    this.#ends.push(
      watch.onEnded((session) => this.#inEach((registry) => registry.releaseAll({ session }))),
      watch.onRotated((from, to) => this.#inEach((registry) => registry.moveSession(from, to))),
    );
  }

  /** Never rejects: a logout, or a login, must not fail because of this. What is left ends with its lease. */
  async #inEach(step: (registry: Registry) => Promise<unknown>): Promise<void> {
    const { clock, logger } = this.#options;
    const onTimeout = (): Error =>
      new TimeoutError(`the backend did not answer within ${sessionPatience} ms`, { executed: "maybe" });
    const steps = [...this.#registries.values()].map(({ registry }) => step(registry));
    try {
      await withDeadline(Promise.all(steps), sessionPatience, clock, onTimeout);
    } catch (error) {
      logger.warn(
        { code: "WARN_FLEET_RESERVATION_SESSION", err: error },
        "what a session had reserved could not be handed on or released; it ends with the session's lease",
      );
    }
  }
}
