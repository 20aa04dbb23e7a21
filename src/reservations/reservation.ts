import type * as port from "./reservation-store.js";

/** One thing that somebody has reserved. */
export interface Reservation extends Omit<port.Reservation, "details"> {
  /** What the application stored with it. */
  readonly details?: unknown;
}

/** What became of one item of `reserve`. */
export type ReserveOutcome =
  | { readonly status: "reserved"; readonly reservation: Reservation }
  /** The session had it already; its token is kept. */
  | { readonly status: "refreshed"; readonly reservation: Reservation }
  /** Somebody else has it. */
  | { readonly status: "busy"; readonly item: string; readonly holder: Reservation };

/** The owner would have more than the quota; nothing was reserved. */
export interface QuotaReached {
  readonly status: "quota";
  /** How many the owner has. */
  readonly held: number;
  readonly quota: number;
}

/** What became of a `reserve` of several items. */
export type ReserveManyOutcome =
  | { readonly status: "done"; readonly outcomes: readonly ReserveOutcome[] }
  /** `mode: "all"`, and these are busy; nothing was reserved. */
  | { readonly status: "busy"; readonly holders: readonly Reservation[] }
  | QuotaReached;

/** What became of one item of `release`. */
export type ReleaseOutcome =
  | { readonly status: "released"; readonly item: string }
  /** Nobody had it any more. */
  | { readonly status: "free"; readonly item: string }
  /** Somebody else has it, or the session got it anew with another token; nothing was changed. */
  | { readonly status: "other"; readonly item: string; readonly holder: Reservation };

/** What `check` found. */
export type CheckOutcome =
  | { readonly status: "held"; readonly reservation: Reservation }
  /** Nobody has it. `last` says how the one with the asked token ended, while that is remembered. */
  | { readonly status: "free"; readonly last?: port.ReservationEnd | undefined }
  | { readonly status: "other"; readonly holder: Reservation; readonly last?: port.ReservationEnd | undefined };

/** What became of a `steal`. */
export type StealOutcome =
  | { readonly status: "stolen"; readonly reservation: Reservation; readonly previous: Reservation }
  /** Nobody has it; `reserve` is the call for that. */
  | { readonly status: "free" }
  /** Somebody else than expected has it; nothing was changed. */
  | { readonly status: "changed"; readonly holder: Reservation };

/** What became of a `forceRelease`. */
export type ForceReleaseOutcome =
  | { readonly status: "forced"; readonly previous: Reservation }
  | { readonly status: "free" }
  | { readonly status: "changed"; readonly holder: Reservation };

/** A change of one reservation, made by any instance. */
export interface ReservationChange extends Omit<port.ReservationChange, "reservation" | "previous"> {
  /** The reservation after the change; before it where it ended. */
  readonly reservation: Reservation;
  /** Whom it was taken from, of `stolen`. */
  readonly previous?: Reservation | undefined;
}

/** A stored reservation as users see it. */
export function opened(stored: port.Reservation): Reservation {
  const { details, ...rest } = stored;
  return details === undefined ? rest : { ...rest, details: parsed(details) };
}

/** The change that an entry of a log tells of; undefined for what is none of ours. */
export function readChange(payload: string): ReservationChange | undefined {
  const change = parsed(payload) as Partial<port.ReservationChange> | null | undefined;
  if (typeof change !== "object" || change?.kind === undefined || change.reservation === undefined) return undefined;
  const { previous, reservation, ...rest } = change as port.ReservationChange;
  const before = previous === undefined ? {} : { previous: opened(previous) };
  return { ...rest, reservation: opened(reservation), ...before };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
