import type { Handler } from "../http/handler.js";
import { Cookie, Session } from "./express-session-classes.js";
import { ExpressSessionStore, type StorePolicy } from "./express-session-store.js";
import { generateId } from "./identifier.js";
import { readMiddlewareOptions, type MiddlewareSettings, type SessionMiddlewareOptions } from "./middleware-options.js";
import { readSessionId } from "./session-cookie.js";
import { forwardedAsHttps, isSecure, isUnder, type SessionRequest } from "./session-request.js";
import { SessionResponse, type ResponseOptions } from "./session-response.js";
import type { SessionRoom } from "./session-room.js";
import { policyOf } from "./store-options.js";
import type { SessionLike } from "./tracked-session.js";

/** What the fleet gives to each middleware. */
export interface MiddlewareContext {
  readonly room: SessionRoom;
  readonly lifetime: Pick<StorePolicy, "idle" | "absolute">;
  /** Whether the fleet's external URL is https. */
  readonly https: boolean;
  /** Told of the options once they were found good. */
  readonly onMade: (settings: MiddlewareSettings) => void;
}

/** Makes the middleware that gives each request its session; throws `ConfigError` with every problem of the options. */
export function createMiddleware(
  { room, lifetime, https, onMade }: MiddlewareContext,
  options: SessionMiddlewareOptions,
): Handler {
  const settings = readMiddlewareOptions(options, https, process.env["NODE_ENV"] === "production");
  const { secrets, name, cookie } = settings;
  for (const { code, message, help } of settings.warnings) room.logger.warn({ code, help }, message);
  onMade(settings);
  const { proxy } = options;
  // A store of its own: `regenerate` makes the new session by the store, with this middleware's cookie and ids.
  const store = new ExpressSessionStore(room, policyOf(options, lifetime));
  const generate = sessionMaker(options, cookie);
  store.generate = generate;
  const commit = responseOptions(store, settings, options);
  const warnOfProxy = settings.alwaysSecure && https ? onceUntrusted(room, proxy) : undefined;

  return (req, res, next) => {
    const request = req as SessionRequest;
    // Another session middleware was here before.
    if (request.session) return next();
    const { path } = typeof cookie === "function" ? cookie(request) : cookie;
    if (!isUnder(request, path || "/")) return next();
    warnOfProxy?.(request);
    request.sessionStore = store;
    const cookieId = readSessionId(request, name, secrets);
    request.sessionID = cookieId;
    const begin = (payload: string): void => {
      void new SessionResponse(request, res, next, commit, { cookieId, id: request.sessionID, payload });
    };
    if (cookieId === undefined) {
      generate(request);
      begin("{}");
      return next();
    }
    store.get(cookieId, (error, data) => {
      if (error !== undefined && error !== null) return next(error);
      try {
        if (data) {
          const session = store.createSession(request, data as SessionLike);
          begin(store.tracked(session)?.snapshot.payload ?? "{}");
        } else {
          generate(request);
          begin("{}");
        }
      } catch (failure) {
        return next(failure);
      }
      next();
    });
  };
}

function responseOptions(
  store: ExpressSessionStore,
  { secrets, name }: MiddlewareSettings,
  { proxy, rolling = false, saveUninitialized = false, unset, commit }: SessionMiddlewareOptions,
): ResponseOptions {
  return {
    store,
    name,
    secrets,
    proxy,
    rolling,
    saveUninitialized,
    destroyUnset: unset === "destroy",
    beforeResponse: commit !== "express-session",
  };
}

/** Gives a request a new session, as express-session's `store.generate` does. */
function sessionMaker(
  { genid, proxy }: SessionMiddlewareOptions,
  cookie: MiddlewareSettings["cookie"],
): (request: SessionRequest) => void {
  return (request) => {
    request.sessionID = genid === undefined ? generateId() : genid(request);
    const session = new Session(request);
    const attributes = typeof cookie === "function" ? cookie(request) : cookie;
    session.cookie = new Cookie(attributes);
    if (attributes.secure === "auto") session.cookie["secure"] = isSecure(request, proxy);
    if (attributes.sameSite === "auto") session.cookie["sameSite"] = isSecure(request, proxy) ? "none" : "lax";
    request.session = session;
  };
}

/** Says once that a proxy's word is not believed, and so no browser ever gets the cookie. */
function onceUntrusted(room: SessionRoom, proxy: boolean | undefined): (request: SessionRequest) => void {
  let said = false;
  return (request) => {
    if (said || !forwardedAsHttps(request) || isSecure(request, proxy)) return;
    said = true;
    room.logger.warn(
      { code: "WARN_FLEET_TRUST_PROXY", help: 'app.set("trust proxy", 1)' },
      "a proxy says that the browser spoke https, Express does not trust it, and the session cookie is not sent",
    );
  };
}
