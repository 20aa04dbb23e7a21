/** Whether the server may have carried out a call that failed: `no` is safe to repeat by anyone. */
export type Executed = "no" | "maybe" | "yes";

/** What an error of this library carries beside its message. */
export interface FleetErrorDetails {
  readonly executed?: Executed;
  readonly retryable?: boolean;
  /** Milliseconds after which a repeat is worth trying. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
  /** What to do about it, as one sentence or one line to write. */
  readonly help?: string;
  /** HTTP status for an error that reaches an Express error handler. */
  readonly status?: number;
}

const brand = Symbol.for("express-fleet.error");

/**
 * The base of every error that this library throws or hands to `next`.
 *
 * `code` is stable (`ERR_FLEET_*`, listed in `docs/errors.md`); `executed` says whether the server may have
 * acted; `retryable` whether the same call may succeed later; `status` and `headers` are what Express answers with.
 */
export class FleetError extends Error {
  readonly code: string;
  readonly executed: Executed;
  readonly retryable: boolean;
  readonly retryAfter: number | undefined;
  readonly help: string | undefined;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: string, message: string, details: FleetErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.executed = details.executed ?? "no";
    this.retryable = details.retryable ?? false;
    this.retryAfter = details.retryAfter;
    this.help = details.help;
    this.status = details.status ?? 500;
    // Express' default handler sends `headers`; a load balancer or a client backs off by Retry-After (whole seconds).
    this.headers =
      this.status === 503 ? { "Retry-After": String(Math.max(1, Math.ceil((this.retryAfter ?? 1000) / 1000))) } : {};
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Whether a value is an error of this library, also of another copy or format of it in the same process. */
export function isFleetError(value: unknown): value is FleetError {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[brand] === true;
}

/** One mistake in the configuration: what, where, and the line to write instead. */
export interface ConfigProblem {
  readonly code: string;
  readonly message: string;
  readonly help?: string;
}

/** The configuration cannot be used; thrown synchronously by `createFleet`, with every problem found at once. */
export class ConfigError extends FleetError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], cause?: unknown) {
    const first = problems[0] ?? { code: "ERR_FLEET_CONFIG", message: "the configuration cannot be used" };
    const lines = problems.map(({ message, help }) => `- ${message}${help === undefined ? "" : ` (${help})`}`);
    const many = `${problems.length} problems in the configuration:\n${lines.join("\n")}`;
    super(first.code, problems.length > 1 ? many : first.message, {
      cause,
      ...(first.help === undefined ? {} : { help: first.help }),
    });
    this.problems = problems;
  }
}

/** The fleet, or the part that was called, is closing or closed; nothing was sent. */
export class ClosedError extends FleetError {
  constructor(message = "the fleet is closed", details: FleetErrorDetails = {}) {
    super("ERR_FLEET_CLOSED", message, { status: 503, ...details });
  }
}

/** The backend cannot be reached or refuses to serve now; `executed` is `maybe` when a reply was lost on the way. */
export class UnavailableError extends FleetError {
  constructor(message: string, details: FleetErrorDetails = {}, code = "ERR_FLEET_UNAVAILABLE") {
    super(code, message, { retryable: true, status: 503, ...details });
  }
}

/** The deadline of the call passed; `executed` is `maybe` when it had been sent and no reply came. */
export class TimeoutError extends FleetError {
  constructor(message: string, details: FleetErrorDetails = {}) {
    super("ERR_FLEET_TIMEOUT", message, { retryable: true, status: 503, ...details });
  }
}

/** Too many calls are pending in this process; this one was refused before anything was sent. */
export class OverloadedError extends FleetError {
  constructor(message: string, details: FleetErrorDetails = {}) {
    super("ERR_FLEET_OVERLOADED", message, { retryable: true, status: 503, ...details });
  }
}

/** The server refuses writes that create data: its memory is full or it cannot persist; nothing was changed. */
export class StorageFullError extends FleetError {
  constructor(message: string, details: FleetErrorDetails = {}) {
    super("ERR_FLEET_STORAGE_FULL", message, { retryable: true, status: 503, ...details });
  }
}

/** The server's access rules refuse a command or a key; `help` holds the ACL line that the fleet needs. */
export class PermissionError extends FleetError {
  constructor(message: string, details: FleetErrorDetails = {}) {
    super("ERR_FLEET_PERMISSION", message, details);
  }
}

/** A stored value cannot be read: damaged, of an unknown format, or written by somebody else under our key. */
export class CorruptDataError extends FleetError {
  constructor(message: string, details: FleetErrorDetails = {}) {
    super("ERR_FLEET_CORRUPT_DATA", message, details);
  }
}
