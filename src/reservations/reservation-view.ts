import type { Reservation, ReservationChange } from "./reservation.js";
import type { ReservationEnd } from "./reservation-store.js";

/** For whom a reservation is shown. */
export interface Viewer {
  /** The name of the viewer's session; undefined for nobody's. */
  readonly session: string | undefined;
}

/**
 * A reservation as a browser may see it: not the session of somebody else, and nothing of our servers.
 *
 * `mine` says whether the viewer's own session has it.
 */
export function viewOf(reservation: Reservation, { session: own }: Viewer): object {
  const { session, instance: _, ...shown } = reservation;
  return session === own ? { ...shown, session, mine: true } : { ...shown, mine: false };
}

/** A change as a browser may see it. */
export function changeView(change: ReservationChange, viewer: Viewer): object {
  const { reservation, previous, ...rest } = change;
  const before = previous === undefined ? {} : { previous: viewOf(previous, viewer) };
  return { ...rest, reservation: viewOf(reservation, viewer), ...before };
}

/** Who has an item, why, since when and until when, as members of a problem. */
export function holderMembers(holder: Reservation): Readonly<Record<string, unknown>> {
  const { item, owner, reason, since, until } = holder;
  return { item, holder: owner, reason, since, until };
}

/** How a reservation was lost, and by whose doing, as members of a problem. */
export function endMembers(end: ReservationEnd | undefined): Readonly<Record<string, unknown>> {
  return end === undefined ? {} : { cause: end.how, by: end.by, reason: end.reason };
}
