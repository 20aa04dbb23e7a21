import type { ServerResponse } from "node:http";
import { isFleetError } from "../core/errors.js";
import type { Next } from "../http/handler.js";
import { problemOf, sendProblem } from "../http/problem.js";
import { ReservationInputError } from "./errors.js";
import { endMembers, holderMembers } from "./reservation-view.js";
import type { QuotaReached, Reservation } from "./reservation.js";
import type { ReservationEnd } from "./reservation-store.js";

/** 423: somebody else has it. Says who, why, since when and until when, and when to ask again. */
export function sendBusy(res: ServerResponse, holder: Reservation, more: Readonly<Record<string, unknown>> = {}): void {
  sendProblem(res, {
    status: 423,
    code: "ERR_FLEET_RESERVATION_BUSY",
    detail: `${nameFor(holder)} has reserved it`,
    // The end by the server's clock; a client whose own differs asks a little early or late.
    retryAfter: Math.max(1_000, holder.until - Date.now()),
    members: { ...holderMembers(holder), ...more },
  });
}

/** 412: the reservation that the client speaks of is not its own any more. Says how it ended, and who has it now. */
export function sendLost(res: ServerResponse, end: ReservationEnd | undefined, holder: Reservation | undefined): void {
  const how = end === undefined ? "has ended" : endings[end.how];
  sendProblem(res, {
    status: 412,
    code: "ERR_FLEET_RESERVATION_LOST",
    detail: `the reservation ${how}${end?.by === undefined ? "" : ` by ${end.by.name ?? end.by.id}`}`,
    members: { ...(holder === undefined ? {} : holderMembers(holder)), ...endMembers(end) },
  });
}

const endings = {
  expired: "has expired",
  stolen: "was taken over",
  forced: "was ended",
  released: "was released",
} as const;

/** 409: the owner has as many as one may have. */
export function sendQuota(res: ServerResponse, { held, quota }: QuotaReached): void {
  sendProblem(res, {
    status: 409,
    code: "ERR_FLEET_RESERVATION_QUOTA",
    detail: `one user may reserve ${quota} at a time, and has ${held}`,
    members: { held, quota },
  });
}

/** 409: it is not what the client takes it for; the holder now is named. */
export function sendChanged(res: ServerResponse, holder: Reservation): void {
  sendProblem(res, {
    status: 409,
    code: "ERR_FLEET_RESERVATION_CHANGED",
    detail: `${nameFor(holder)} has it now`,
    members: { ...holderMembers(holder), token: holder.token },
  });
}

/** 404: nobody has it. */
export function sendFree(res: ServerResponse): void {
  sendProblem(res, { status: 404, code: "ERR_FLEET_RESERVATION_FREE", detail: "nobody has reserved it" });
}

/** 403: `can` says no. */
export function sendForbidden(res: ServerResponse, action: string): void {
  sendProblem(res, {
    status: 403,
    code: "ERR_FLEET_RESERVATION_FORBIDDEN",
    detail: `this user may not do that: ${action}`,
  });
}

/** Answers what the client has to mend, and what it has to wait for (503 with `Retry-After`); the rest is the app's. */
export function sendFailure(res: ServerResponse, error: unknown, next: Next): void {
  const isForClient = error instanceof ReservationInputError || (isFleetError(error) && error.status === 503);
  if (isForClient) return sendProblem(res, problemOf(error));
  next(error);
}

function nameFor({ owner }: Reservation): string {
  return owner.name ?? owner.id;
}
