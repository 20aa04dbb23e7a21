import type { IncomingMessage } from "node:http";
import type { Handler } from "./handler.js";
import { sendProblem } from "./problem.js";

/** Whose pages may change something. */
export interface CrossSiteOptions {
  /**
   * Origins, beside the request's own, whose pages may change something, as browsers write them: `https://app.example.com`.
   * The public origin belongs here when a proxy in front changes `Host`.
   */
  readonly allowedOrigins?: readonly string[];
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/**
 * Whether a browser sends this request, which may change something, for a page of another origin.
 *
 * Decided by `Sec-Fetch-Site`, which pages cannot forge; where a browser sends none, by `Origin` against `Host`. A sibling
 * subdomain counts as another origin, because `SameSite` cookies do not stop it. A request with neither header does not
 * come from a browser's page, and no user's cookie was added to it against the user's will.
 */
export function isCrossSite(req: IncomingMessage, options: CrossSiteOptions = {}): boolean {
  if (safeMethods.has(req.method ?? "")) return false;
  const { origin, host } = req.headers;
  if (origin !== undefined && options.allowedOrigins?.includes(origin) === true) return false;
  const site = req.headers["sec-fetch-site"];
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  return origin !== undefined && !isOriginOf(origin, host);
}

/**
 * Answers 403 to requests that `isCrossSite` finds, and passes the others on.
 *
 * Throws `TypeError` at once for an allowed origin that no browser would ever send.
 */
export function refuseCrossSite(options: CrossSiteOptions = {}): Handler {
  for (const origin of options.allowedOrigins ?? []) {
    const written = URL.canParse(origin) ? new URL(origin).origin : undefined;
    if (written !== origin) {
      const remedy =
        written === undefined || written === "null"
          ? 'an origin is written "https://app.example.com"'
          : `write "${written}"`;
      throw new TypeError(`allowedOrigins holds ${JSON.stringify(origin)}, which no browser sends: ${remedy}`);
    }
  }
  return (req, res, next) => {
    if (!isCrossSite(req, options)) return next();
    return sendProblem(res, {
      status: 403,
      code: "ERR_FLEET_CROSS_SITE",
      detail: "requests that change something are refused when they come from pages of another origin",
    });
  };
}

/** Compared by host, since TLS usually ends at a proxy and the scheme that the browser used is not known here. */
function isOriginOf(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  // Read with the origin's scheme, which drops a default port that one of them spells out.
  const own = `${protocol}//${host}`;
  return originHost !== "" && URL.canParse(own) && new URL(own).host === originHost;
}
