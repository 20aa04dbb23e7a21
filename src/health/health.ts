import type { ServerResponse } from "node:http";
import { ConfigError } from "../core/errors.js";
import type { RequestHandler } from "../http/handler.js";
import { sendJson } from "../http/json.js";
import { createRouter, queryOf } from "../http/router.js";
import type { HealthCheck, HealthSource, HealthStatus } from "./health-source.js";

/** How the instance is, as a whole and by part. */
export interface HealthReport {
  readonly status: HealthStatus;
  /** Whether the instance is shutting down, which makes the whole `fail`. */
  readonly draining: boolean;
  readonly checks: Readonly<Record<string, HealthCheck>>;
}

/** How the instance is, and what it was set to. */
export interface ReadinessReport extends HealthReport {
  /** The same on all instances that are set up alike: 16 characters, a keyed hash in which no secret can be found. */
  readonly settings: string;
}

/** What an instance consists of, as far as its health goes. */
export interface HealthOptions {
  readonly sources: readonly HealthSource[];
  /** Whether the instance is shutting down. */
  readonly draining: () => boolean;
  /** The fingerprint of what must be the same on all instances; asked anew each time, and never throws. */
  readonly settings: () => string;
  /** Names of the sources without which the instance must get no traffic; a failure of another is a `warn`. Default all. */
  readonly required?: readonly string[];
}

/**
 * The instance as load balancers and orchestrators see it.
 *
 * Live means that the event loop turns, nothing else: an instance that is restarted because Redis is away is no better
 * afterwards. Ready means that it should get traffic.
 */
export class Health {
  readonly #sources: readonly HealthSource[];
  readonly #draining: () => boolean;
  readonly #settings: () => string;
  readonly #required: ReadonlySet<string>;

  /** Throws `ConfigError` (`ERR_FLEET_CONFIG_HEALTH`) when `required` names a source that does not exist. */
  constructor(options: HealthOptions) {
    const names = options.sources.map((source) => source.name);
    const unknown = (options.required ?? []).filter((name) => !names.includes(name));
    if (unknown.length > 0) {
      throw new ConfigError([
        {
          code: "ERR_FLEET_CONFIG_HEALTH",
          message: `health.required names ${unknown.join(", ")}, which this fleet does not have`,
          help: `write names out of: ${names.join(", ")}`,
        },
      ]);
    }
    this.#sources = options.sources;
    this.#draining = options.draining;
    this.#settings = options.settings;
    this.#required = new Set(options.required ?? names);
  }

  /** Always `pass`: that it answers is the answer. */
  live(): HealthReport {
    return { status: "pass", draining: this.#draining(), checks: {} };
  }

  /** The worst of the parts: `fail` when a required one fails or the instance is draining. Never throws. */
  ready(): ReadinessReport {
    const draining = this.#draining();
    const checks: Record<string, HealthCheck> = {};
    let status: HealthStatus = draining ? "fail" : "pass";
    for (const source of this.#sources) {
      const check = checkOf(source);
      checks[source.name] = check;
      if (check.status === "fail" && this.#required.has(source.name)) status = "fail";
      else if (check.status !== "pass" && status === "pass") status = "warn";
    }
    return { status, draining, checks, settings: this.#settings() };
  }

  /**
   * `GET /live` and `GET /ready` for an Express app or a bare Node server: 200 for `pass` and `warn`, 503 with
   * `Retry-After` for `fail`. The body is `application/health+json`; that of `/ready` always has `settings`, by which
   * instances can be compared, and `?verbose` adds the details of each part.
   */
  router(): RequestHandler {
    return createRouter([
      { method: "GET", path: "/live", handlers: [(req, res) => answer(res, this.live(), isVerbose(queryOf(req)))] },
      { method: "GET", path: "/ready", handlers: [(req, res) => answer(res, this.ready(), isVerbose(queryOf(req)))] },
    ]);
  }
}

function checkOf(source: HealthSource): HealthCheck {
  try {
    return source.check();
  } catch {
    // A part that cannot even tell how it is does not work; the reason might hold addresses, so it is not shown.
    return { status: "fail" };
  }
}

function isVerbose(query: URLSearchParams): boolean {
  return query.has("verbose") && query.get("verbose") !== "false";
}

function answer(res: ServerResponse, report: HealthReport & Partial<ReadinessReport>, verbose: boolean): void {
  const checks = Object.entries(report.checks).map(([name, { status, detail }]) => [
    name,
    [{ status, ...(verbose && detail !== undefined ? { observedValue: detail } : {}) }],
  ]);
  const body = {
    status: report.status,
    ...(report.status === "fail" && report.draining ? { output: "draining" } : {}),
    ...(report.settings === undefined ? {} : { settings: report.settings }),
    ...(checks.length > 0 ? { checks: Object.fromEntries(checks) } : {}),
  };
  const failed = report.status === "fail";
  sendJson(res, failed ? 503 : 200, body, {
    contentType: "application/health+json",
    headers: failed ? { "Retry-After": "1" } : {},
  });
}
