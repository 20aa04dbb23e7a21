import expressSession from "express-session";
import type { CookieLike } from "./cookie-attributes.js";
import type { SessionObject, SessionRequest } from "./session-request.js";

/** express-session's `Cookie`. */
export interface SessionCookie extends CookieLike {
  /** The text of a `Set-Cookie` header; throws `TypeError` for attributes that no cookie can have. */
  serialize(name: string, value: string): string;
}

interface Classes {
  readonly Session: new (request: SessionRequest) => SessionObject;
  readonly Cookie: new (attributes: object) => SessionCookie;
}

const classes = expressSession as unknown as Classes;

/** express-session's `Session`: takes its id from `request.sessionID`, and saves through `request.sessionStore`. */
export const Session: Classes["Session"] = classes.Session;

/** express-session's `Cookie`: keeps `expires`, `maxAge` and `originalMaxAge` in step. */
export const Cookie: Classes["Cookie"] = classes.Cookie;
