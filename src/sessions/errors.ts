import { FleetError, type FleetErrorDetails } from "../core/errors.js";

/** Two requests changed the same field of a session, and its rule is `reject`; nothing was written. */
export class SessionConflictError extends FleetError {
  /** The field that both changed. */
  readonly field: string | undefined;

  constructor(message: string, field?: string, details: FleetErrorDetails = {}) {
    super("ERR_FLEET_SESSION_CONFLICT", message, { retryable: true, status: 409, ...details });
    this.field = field;
  }
}

/** The session expired or was destroyed while the request ran, and `onGone` is `error`; nothing was written. */
export class SessionGoneError extends FleetError {
  constructor(message = "the session ended while the request ran", details: FleetErrorDetails = {}) {
    super("ERR_FLEET_SESSION_GONE", message, { status: 409, help: 'sign in again, or set onGone: "drop"', ...details });
  }
}
