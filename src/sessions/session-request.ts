import type { IncomingMessage } from "node:http";
import type { SessionLike } from "./tracked-session.js";

/** A session object as express-session makes it. */
export interface SessionObject extends SessionLike {
  readonly id: string;
  save(callback: (error?: unknown) => void): unknown;
  /** Lets the time of its cookie begin anew. */
  touch(): unknown;
}

/** A request as a session middleware leaves it. */
export interface SessionRequest extends IncomingMessage {
  session?: SessionObject | null | undefined;
  sessionID?: string | undefined;
  sessionStore?: unknown;
  /** The URL before a router took its own part away. */
  readonly originalUrl?: string;
  /** Express' own judgement, by its `trust proxy`. */
  readonly secure?: boolean;
  /** What cookie-parser has read. */
  readonly cookies?: Readonly<Record<string, unknown>>;
  readonly signedCookies?: Readonly<Record<string, unknown>>;
}

/** Whether the browser's connection is encrypted, as express-session judges it for a `secure` cookie. */
export function isSecure(request: SessionRequest, proxy: boolean | undefined): boolean {
  if ((request.socket as { encrypted?: boolean } | undefined)?.encrypted === true) return true;
  if (proxy === false) return false;
  return proxy === true ? forwardedAsHttps(request) : request.secure === true;
}

/** Whether a proxy says that the browser spoke https to it. */
export function forwardedAsHttps(request: IncomingMessage): boolean {
  const header = request.headers["x-forwarded-proto"];
  if (header === undefined) return false;
  const [first = ""] = (Array.isArray(header) ? header.join(",") : header).split(",");
  return first.trim().toLowerCase() === "https";
}

/** Whether a cookie of that path is for the request: its path begins with it. */
export function isUnder(request: SessionRequest, path: string): boolean {
  const url = typeof request.originalUrl === "string" ? request.originalUrl : (request.url ?? "/");
  if (path === "/" && url.startsWith("/")) return true;
  return pathnameOf(url).startsWith(path);
}

function pathnameOf(url: string): string {
  // The form that is sent to a proxy: http://example.org/path.
  if (!url.startsWith("/") && URL.canParse(url)) return new URL(url).pathname;
  const end = url.search(/[?#]/);
  return (end === -1 ? url : url.slice(0, end)) || "/";
}
