import { createHmac } from "node:crypto";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { sameAttributes, type CookieLike } from "./cookie-attributes.js";
import type { ExpressSessionStore } from "./express-session-store.js";
import { isSecure, type SessionObject, type SessionRequest } from "./session-request.js";

/** What is needed to write our cookie as express-session does. */
export interface CookieHeaderOptions {
  readonly store: ExpressSessionStore;
  readonly name: string;
  /** The first one signs; the array may be changed while the app runs. */
  readonly secrets: readonly string[];
  readonly proxy: boolean | undefined;
}

/**
 * Looks once at the headers of a response, after express-session has written its cookie and before they are sent.
 *
 * It adds `Max-Age` where `Expires` stands, since the browser's clock may be wrong; sends the cookie when only that was
 * changed, which express-session does not; and sends none for a session that stands in for one that could not be read.
 */
export function watchHeaders(request: SessionRequest, response: ServerResponse, options: CookieHeaderOptions): void {
  // Set before express-session sets its own: then its cookie is there when this one runs.
  const writeHead = response.writeHead as (...args: [number, ...(string | OutgoingHttpHeaders)[]]) => ServerResponse;
  let amended = false;
  response.writeHead = (...args: unknown[]): ServerResponse => {
    if (!amended) {
      amended = true;
      amendCookie(request, response, options);
    }
    return writeHead.apply(response, args as Parameters<typeof writeHead>);
  };
}

function amendCookie(request: SessionRequest, response: ServerResponse, options: CookieHeaderOptions): void {
  const { session } = request;
  const { store, name } = options;
  if (request.sessionStore !== store || session === undefined || session === null) return;
  const header = response.getHeader("Set-Cookie");
  const cookies = header === undefined ? [] : Array.isArray(header) ? header : [String(header)];
  const isOurs = (cookie: string): boolean => cookie.startsWith(`${name}=`);
  let wanted = cookies;
  if (store.tracked(session)?.state === "degraded") wanted = cookies.filter((cookie) => !isOurs(cookie));
  else if (!cookies.some(isOurs) && cookieChanged(request, session, options))
    wanted = [...cookies, writeCookie(session, options)];
  const { maxAge } = session.cookie;
  if (typeof maxAge === "number" && Number.isFinite(maxAge)) {
    wanted = wanted.map((cookie) => (isOurs(cookie) ? withMaxAge(cookie, maxAge) : cookie));
  }
  if (wanted.length === 0 && header !== undefined) response.removeHeader("Set-Cookie");
  else if (wanted.length > 0) response.setHeader("Set-Cookie", wanted);
}

/** Whether the app changed attributes of the cookie that the browser has. */
function cookieChanged(
  request: SessionRequest,
  session: SessionObject,
  { store, proxy }: CookieHeaderOptions,
): boolean {
  const tracked = store.tracked(session);
  const loaded = tracked?.state === "live" ? tracked.loadedAttributes : undefined;
  if (loaded === undefined || sameAttributes(session.cookie, loaded)) return false;
  return session.cookie["secure"] !== true || isSecure(request, proxy);
}

function writeCookie({ id, cookie }: SessionObject, { name, secrets }: CookieHeaderOptions): string {
  // The signature of cookie-signature, which express-session verifies.
  const signature = createHmac("sha256", secrets[0] ?? "")
    .update(id)
    .digest("base64")
    .replace(/=+$/, "");
  const { serialize } = cookie as CookieLike & { serialize: (name: string, value: string) => string };
  return serialize.call(cookie, name, `s:${id}.${signature}`);
}

function withMaxAge(cookie: string, maxAge: number): string {
  if (!/; Expires=/i.test(cookie) || /; Max-Age=/i.test(cookie)) return cookie;
  return `${cookie}; Max-Age=${Math.max(0, Math.round(maxAge / 1000))}`;
}
