/** `pass`: works. `warn`: works, but somebody should look. `fail`: requests that need it fail. */
export type HealthStatus = "pass" | "warn" | "fail";

/** How one part of the fleet is. */
export interface HealthCheck {
  readonly status: HealthStatus;
  /** Shown with `?verbose`, possibly to anyone: plain facts, nothing secret. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}

/** A part of the fleet that knows how it is. */
export interface HealthSource {
  /** `backend`, `sessions`: the key of its check in the body. */
  readonly name: string;
  /** Tells what is known already; synchronous and without I/O, so that a probe is as fast when everything else hangs. */
  check(): HealthCheck;
}
