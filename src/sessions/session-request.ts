import type { IncomingMessage } from "node:http";
import type { SessionLike } from "./tracked-session.js";

/** A session object as express-session makes it. */
export interface SessionObject extends SessionLike {
  readonly id: string;
  save(callback: (error?: unknown) => void): unknown;
}

/** A request as express-session leaves it. */
export interface SessionRequest extends IncomingMessage {
  session?: SessionObject | null | undefined;
  sessionID?: string | undefined;
  sessionStore?: unknown;
  /** Express' own judgement, by its `trust proxy`. */
  readonly secure?: boolean;
}

/** Whether the browser's connection is encrypted, as express-session judges it for a `secure` cookie. */
export function isSecure(request: SessionRequest, proxy: boolean | undefined): boolean {
  if ((request.socket as { encrypted?: boolean }).encrypted === true) return true;
  if (proxy === false) return false;
  return proxy === true ? forwardedAsHttps(request) : request.secure === true;
}

/** Whether a proxy says that the browser spoke https to it. */
export function forwardedAsHttps(request: IncomingMessage): boolean {
  const header = request.headers["x-forwarded-proto"];
  const [first = ""] = (Array.isArray(header) ? header.join(",") : (header ?? "")).split(",");
  return first.trim().toLowerCase() === "https";
}
