import type { Clock } from "../core/clock.js";
import { isFleetError } from "../core/errors.js";
import type { Logger } from "../core/logger.js";
import { Periodic } from "../core/periodic.js";
import type { ReservationStore } from "./reservation-store.js";

/** What a registry is reaped with. */
export interface ReaperOptions {
  readonly registry: string;
  readonly store: Pick<ReservationStore, "reap">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds for which the registry counts as in use after a call. */
  readonly inUseFor: number;
  /** Whether somebody waits to be told. */
  readonly heard: () => boolean;
  readonly onExpired: (count: number) => void;
  readonly random?: () => number;
}

const every = 5_000;
const spread = 0.2;
const restsFor = 60_000;
const atOnce = 100;

/**
 * Removes what has ended, so that it is told of: every five seconds while the registry is in use here, once a minute later.
 *
 * Nothing depends on it but the events: what has ended counts as free before it is reaped. Every instance does this, and
 * the store lets exactly one of them have each.
 */
export class Reaper {
  readonly #options: ReaperOptions;
  readonly #periodic: Periodic;
  #usedAt = Number.NEGATIVE_INFINITY;
  #reapedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ReaperOptions) {
    this.#options = options;
    const { clock, logger, random } = options;
    this.#periodic = new Periodic({
      clock,
      interval: every,
      jitter: spread,
      task: () => this.#reap(),
      onError(error) {
        // A server that is away tells so in other places, and the next run finds what this one left.
        if (isFleetError(error) && (error.retryable || error.code === "ERR_FLEET_CLOSED")) return;
        logger.error(
          { code: "WARN_FLEET_RESERVATION_REAP", err: error },
          "reservations that ended could not be removed",
        );
      },
      ...(random === undefined ? {} : { random }),
    });
  }

  /** The registry is in use from now on. */
  used(): void {
    this.#usedAt = this.#options.clock.monotonic();
    this.#periodic.start();
  }

  /** Resolves when the running pass, if any, has ended. */
  stop(): Promise<void> {
    return this.#periodic.stop();
  }

  async #reap(): Promise<void> {
    const { clock, inUseFor, heard, registry, store, onExpired } = this.#options;
    const now = clock.monotonic();
    const inUse = heard() || now - this.#usedAt < inUseFor;
    if (!inUse && now - this.#reapedAt < restsFor) return;
    this.#reapedAt = now;
    for (;;) {
      const { expired, more } = await store.reap({ registry, limit: atOnce });
      onExpired(expired);
      if (!more) return;
    }
  }
}
