import { systemClock } from "./core/clock.js";
import type { Feed } from "./feed/feed.js";
import { createFleetFeed, type FleetFeedOptions } from "./fleet-feed.js";
import { createLocks } from "./locks/create-locks.js";
import type { LocksOptions } from "./locks/index.js";
import type { LockManager } from "./locks/locks.js";
import type { FleetBackends } from "./open-backends.js";

/** What the locks of a fleet are made of. */
export interface FleetLocksOptions extends Omit<FleetFeedOptions, "backend"> {
  readonly backends: FleetBackends;
  readonly options: LocksOptions;
  /** The feed on the default backend. */
  readonly feed: () => Feed;
}

/** The locks of a fleet, and how they end. */
export interface FleetLocks {
  readonly locks: LockManager;
  close(): Promise<void>;
}

/** Makes the locks of a fleet; on a backend of their own they have a feed there too, once one is used. */
export function createFleetLocks(options: FleetLocksOptions): FleetLocks {
  const { backends, config, logger, feed } = options;
  const backend = backends.of("locks");
  let own: Feed | undefined;
  const openOwn = (): Feed => {
    const opened = createFleetFeed({ ...options, backend });
    locks.join(opened.mailbox);
    return opened;
  };
  const locks = createLocks({
    backend,
    options: options.options,
    clock: systemClock,
    logger,
    instance: config.instance,
    feed: () => (backend === backends.default ? feed() : (own ??= openOwn())),
  });
  return {
    locks,
    async close() {
      await locks.close();
      await own?.close();
    },
  };
}
