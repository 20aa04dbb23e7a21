import type { Backend } from "../backend/backend.js";
import type { Clock } from "../core/clock.js";
import type { Counters } from "../core/diagnostics.js";
import type { Logger } from "../core/logger.js";
import type { Feed } from "../feed/feed.js";
import type { ReservationCounter } from "./registry.js";
import type { ReservationOperation, ReservationStore } from "./reservation-store.js";
import type { SessionWatch } from "./session-watch.js";

/** What all registries of one fleet share. */
export interface RegistryContext {
  readonly store: ReservationStore;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters<ReservationCounter>;
  /** The name of this instance for people. */
  readonly instance: string;
  readonly watch: SessionWatch;
  /** Another one at each call. */
  readonly operation: () => ReservationOperation;
  /** The feed on the same backend; asked for when somebody wants to be told of changes. */
  readonly feed: () => Feed;
}
