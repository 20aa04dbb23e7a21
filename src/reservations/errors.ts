import { FleetError, type FleetErrorDetails } from "../core/errors.js";

/** What a call was given cannot be used: an item, an owner, a session or a text of the wrong form; nothing was sent (400). */
export class ReservationInputError extends FleetError {
  constructor(message: string, help: string, details: FleetErrorDetails = {}) {
    super("ERR_FLEET_RESERVATION_INPUT", message, { status: 400, help, ...details });
  }
}

/** Nothing says whose session a request belongs to, so nothing can be kept for it; nothing was sent. */
export class ReservationSessionError extends FleetError {
  constructor(details: FleetErrorDetails = {}) {
    super("ERR_FLEET_RESERVATION_SESSION", "the request has no session to keep a reservation for", {
      help: "put a session middleware before the routes, or name the session: router({ session: (req) => ... })",
      ...details,
    });
  }
}
