import type { CookieLike } from "./cookie-attributes.js";
import { cookieValue, sign, unsign } from "./cookie-header.js";
import { Cookie, type SessionCookie } from "./express-session-classes.js";
import type { SessionRequest } from "./session-request.js";

/** The identifier that a request brings, if one of the secrets has signed it: from its header, else from what cookie-parser read. */
export function readSessionId(request: SessionRequest, name: string, secrets: readonly string[]): string | undefined {
  const { cookie } = request.headers;
  const id = cookie === undefined ? undefined : verified(cookieValue(cookie, name), secrets);
  if (id !== undefined) return id;
  const signed = request.signedCookies?.[name];
  if (typeof signed === "string" && signed !== "") return signed;
  return verified(request.cookies?.[name], secrets);
}

/** The `Set-Cookie` header of a session, with `Max-Age` beside `Expires`, since the browser's clock may be wrong. */
export function writeSessionCookie(name: string, id: string, cookie: CookieLike, secret: string | undefined): string {
  const complete = cookie instanceof Cookie ? (cookie as SessionCookie) : new Cookie(cookie);
  const text = complete.serialize(name, `s:${sign(id, secret)}`);
  const { maxAge } = complete;
  if (typeof maxAge !== "number") return text;
  return `${text}; Max-Age=${Math.max(0, Math.round(maxAge / 1000))}`;
}

function verified(value: unknown, secrets: readonly string[]): string | undefined {
  if (typeof value !== "string" || !value.startsWith("s:")) return undefined;
  // An empty identifier is none.
  return unsign(value.slice(2), secrets) || undefined;
}
