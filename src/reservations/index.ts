export { ReservationInputError, ReservationSessionError } from "./errors.js";
export type { GuardOptions, ReservedRequest } from "./guard.js";
export type { OwnerLike } from "./input.js";
export type { RegistryEvents } from "./registry-log.js";
export type { RegistryOptions } from "./registry-options.js";
export type { Claim, Registry, ReservationCounter, ReserveOptions, StealOptions, Whose } from "./registry.js";
export type {
  CheckOutcome,
  ForceReleaseOutcome,
  QuotaReached,
  ReleaseOutcome,
  Reservation,
  ReservationChange,
  ReserveManyOutcome,
  ReserveOutcome,
  StealOutcome,
} from "./reservation.js";
export type { ReservationEnd, ReservationOwner } from "./reservation-store.js";
export type { Reservations, ReservationsStats } from "./reservations.js";
export type { ReservationAction, ReservationRouterOptions } from "./router.js";
export type { SessionWatch } from "./session-watch.js";
