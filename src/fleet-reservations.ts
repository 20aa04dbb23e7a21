import { systemClock } from "./core/clock.js";
import type { Feed } from "./feed/feed.js";
import { createFleetFeed, type FleetFeedOptions } from "./fleet-feed.js";
import type { FleetBackends } from "./open-backends.js";
import { createReservations, type ReservationsOfFleet } from "./reservations/reservations.js";
import type { SessionWatch } from "./reservations/session-watch.js";

/** What the reservations of a fleet are made of. */
export interface FleetReservationsOptions extends Omit<FleetFeedOptions, "backend"> {
  readonly backends: FleetBackends;
  /** The feed on the default backend. */
  readonly feed: () => Feed;
  readonly watch: SessionWatch;
}

/** Makes the reservations of a fleet; on a backend of their own they have a feed there too, once somebody listens to changes. */
export function createFleetReservations(options: FleetReservationsOptions): ReservationsOfFleet {
  const { backends, config, logger, feed, watch } = options;
  const backend = backends.of("reservations");
  let own: Feed | undefined;
  const reservations = createReservations({
    backend,
    clock: systemClock,
    logger,
    instance: config.instance,
    feed: () => (backend === backends.default ? feed() : (own ??= createFleetFeed({ ...options, backend }))),
    watch,
  });
  return {
    define: (kind, of) => reservations.define(kind, of),
    stats: () => reservations.stats(),
    sharedSettings: () => reservations.sharedSettings(),
    get inUse() {
      return reservations.inUse;
    },
    async close() {
      await reservations.close();
      await own?.close();
    },
  };
}
