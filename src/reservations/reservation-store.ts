/** Who reserves: a user, as the application knows it. */
export interface ReservationOwner {
  /** The user's id; decides who is the same. */
  readonly id: string;
  /** For people. */
  readonly name?: string | undefined;
}

/** One thing that somebody has reserved, as it is stored. */
export interface Reservation {
  /** What is reserved, within its registry: not empty, without NUL. */
  readonly item: string;
  readonly owner: ReservationOwner;
  /** Whose heartbeat keeps it: a public name of the session, never what is in the cookie; not empty, without NUL. */
  readonly session: string;
  /** The name of the instance that made it. */
  readonly instance: string;
  /** The browser tab or the device, as the application names it. */
  readonly client?: string | undefined;
  readonly reason?: string | undefined;
  /** JSON of the application's own. */
  readonly details?: string | undefined;
  /** Milliseconds of the server's clock. */
  readonly since: number;
  /** When it ends unless the session's heartbeat goes on; never after its cap. Milliseconds of the server's clock. */
  readonly until: number;
  /** The fencing token: rises with every grant in the registry, and is kept by a refresh and by a move. */
  readonly token: number;
}

/** Tells this call from every other one, so that the same call delivered again is recognised: `[!-~]+`, without `\0`. */
export type ReservationOperation = string;

/** What became of one item of `reserve`. */
export type ReserveOutcome =
  | { readonly status: "reserved"; readonly reservation: Reservation }
  /** The session had it already; it is kept as it was, with its token and its cap. */
  | { readonly status: "refreshed"; readonly reservation: Reservation }
  /** Somebody else has it. */
  | { readonly status: "busy"; readonly item: string; readonly holder: Reservation };

export interface ReserveParams {
  readonly registry: string;
  /** One that is named twice is meant once. */
  readonly items: readonly string[];
  readonly owner: ReservationOwner;
  readonly session: string;
  /** How long the session may be silent, milliseconds; a call that is not refused counts as a heartbeat. */
  readonly lease: number;
  /** How long each may last whatever the heartbeat does, milliseconds; 0 for no limit. */
  readonly cap: number;
  readonly instance: string;
  readonly client?: string | undefined;
  readonly reason?: string | undefined;
  readonly details?: string | undefined;
  /** `all`: one busy item, and none is reserved. `each`: what is free is reserved. */
  readonly mode: "all" | "each";
  /** What happens to what the same owner has in another session: refused as anybody's, or taken over as by `steal`. */
  readonly sameOwner: "refuse" | "take-over";
  /** How many one owner may have in the registry; 0 for no limit. */
  readonly quota: number;
  readonly operation: ReservationOperation;
}

export type ReserveResult =
  | { readonly status: "done"; readonly outcomes: readonly ReserveOutcome[] }
  /** `mode: "all"`, and these are busy; nothing was reserved. */
  | { readonly status: "busy"; readonly holders: readonly Reservation[] }
  /** The owner would have more than the quota; nothing was reserved. */
  | { readonly status: "quota"; readonly held: number };

export type ReleaseOutcome =
  | { readonly status: "released"; readonly item: string }
  /** Nobody had it, or the session's own had ended. */
  | { readonly status: "free"; readonly item: string }
  /** Somebody else has it, or the session got it anew with another token; nothing was changed. */
  | { readonly status: "other"; readonly item: string; readonly holder: Reservation };

export type CheckResult =
  | { readonly status: "held"; readonly reservation: Reservation }
  /** Nobody has it. `last` says how the one with the asked token ended, while that is remembered. */
  | { readonly status: "free"; readonly last?: ReservationEnd | undefined }
  | { readonly status: "other"; readonly holder: Reservation; readonly last?: ReservationEnd | undefined };

/** How a reservation ended; remembered for ten minutes. */
export interface ReservationEnd {
  readonly token: number;
  readonly how: "expired" | "stolen" | "forced" | "released";
  /** Who did it, where somebody did. */
  readonly by?: ReservationOwner | undefined;
  readonly reason?: string | undefined;
}

/** What is told of each change, as the payload of the registry's log in JSON. */
export interface ReservationChange {
  readonly kind: "reserved" | "released" | "expired" | "stolen" | "forced" | "moved";
  readonly item: string;
  /** The reservation after the change; before it where it ended. */
  readonly reservation: Reservation;
  /** Whom it was taken from, of `stolen`. */
  readonly previous?: Reservation | undefined;
  readonly by?: ReservationOwner | undefined;
  readonly reason?: string | undefined;
}

/**
 * What reservations ask of a backend. Every method is atomic, a single attempt, decides by the backend's own time, and
 * may be delivered twice, late, or after later calls with the effect of one delivery in order. Every change is appended to
 * the registry's log (`feed`) by the same step that makes it.
 *
 * A reservation lives while its session's lease runs and its cap has not passed; one that does not live counts as absent
 * everywhere, whether it is reaped yet or not. Rejects only with a `FleetError`: `StorageFullError` from `reserve` and
 * `steal` when memory is full; everything else still works then.
 */
export interface ReservationStore {
  reserve(params: ReserveParams): Promise<ReserveResult>;
  /** Ends reservations of a session; with a token, only the one that has it. */
  release(params: {
    readonly registry: string;
    readonly items: readonly { readonly item: string; readonly token?: number | undefined }[];
    readonly session: string;
    readonly operation: ReservationOperation;
  }): Promise<readonly ReleaseOutcome[]>;
  /** Ends all reservations of a session, or all of an owner. */
  releaseAll(params: {
    readonly registry: string;
    readonly of: { readonly session: string } | { readonly owner: string };
    readonly operation: ReservationOperation;
  }): Promise<{ readonly released: readonly string[] }>;
  /**
   * Extends the lease of a session that has one, and never shortens it; one write, however many reservations it keeps.
   * `gone`: the lease had run out, and with it what it kept. A release leaves the lease as it is.
   */
  heartbeat(params: {
    readonly registry: string;
    readonly session: string;
    readonly lease: number;
  }): Promise<{ readonly status: "held"; readonly until: number } | { readonly status: "gone" }>;
  /** Whether a session, by the token if one is given, has an item now. Changes nothing. */
  check(params: {
    readonly registry: string;
    readonly item: string;
    readonly session?: string | undefined;
    readonly token?: number | undefined;
  }): Promise<CheckResult>;
  /** Those of the items that are reserved now. Changes nothing. */
  get(params: { readonly registry: string; readonly items: readonly string[] }): Promise<readonly Reservation[]>;
  /**
   * A page of what is reserved now, in the order of the items' bytes; `next` is the cursor of the next page. A page may have
   * fewer than `count`, or none, and yet a next one. Changes nothing.
   */
  list(params: {
    readonly registry: string;
    readonly of?: { readonly session: string } | { readonly owner: string } | undefined;
    readonly cursor?: string | undefined;
    readonly count: number;
  }): Promise<{ readonly reservations: readonly Reservation[]; readonly next?: string | undefined }>;
  /**
   * Takes an item for a session whoever has it, with a higher token; `expected` only from the holder with that token.
   * `free`: nobody has it (`reserve` is the call for that); `changed`: another one than expected has it.
   */
  steal(
    params: Omit<ReserveParams, "items" | "mode" | "sameOwner" | "quota"> & {
      readonly item: string;
      readonly expected?: number | undefined;
    },
  ): Promise<
    | { readonly status: "stolen"; readonly reservation: Reservation; readonly previous: Reservation }
    | { readonly status: "free" }
    | { readonly status: "changed"; readonly holder: Reservation }
  >;
  /** Ends a reservation whoever has it; `expected` only the one with that token. */
  forceRelease(params: {
    readonly registry: string;
    readonly item: string;
    readonly by: ReservationOwner;
    readonly reason?: string | undefined;
    readonly expected?: number | undefined;
    readonly operation: ReservationOperation;
  }): Promise<
    | { readonly status: "forced"; readonly previous: Reservation }
    | { readonly status: "free" }
    | { readonly status: "changed"; readonly holder: Reservation }
  >;
  /**
   * Gives all of a session's reservations, with their tokens, to the session that follows it (`regenerate` at a login), whose
   * lease begins or is extended; the former session's lease ends. Nothing happens where that has run out.
   */
  moveSession(params: {
    readonly registry: string;
    readonly from: string;
    readonly to: string;
    readonly lease: number;
    readonly operation: ReservationOperation;
  }): Promise<{ readonly moved: number }>;
  /**
   * Removes what has ended, `limit` at most, and logs it as expired: each by exactly one call of one instance. Forgets, too, what
   * is remembered for a while, and so is called from time to time wherever a registry is in use. Delivered twice it does more.
   * `more`: something may be left for another call.
   */
  reap(params: {
    readonly registry: string;
    readonly limit: number;
  }): Promise<{ readonly expired: number; readonly more: boolean }>;
}
