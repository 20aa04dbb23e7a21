import type { IncomingMessage } from "node:http";
import expressSession from "express-session";
import type { Handler } from "../http/handler.js";
import { commitBeforeResponse, type CommitOptions, type End } from "./commit-before-response.js";
import { ExpressSessionStore, type StorePolicy } from "./express-session-store.js";
import { generateId } from "./identifier.js";
import { readMiddlewareOptions, type MiddlewareSettings, type SessionMiddlewareOptions } from "./middleware-options.js";
import { watchHeaders } from "./session-headers.js";
import { forwardedAsHttps, isSecure, type SessionRequest } from "./session-request.js";
import type { SessionRoom } from "./session-room.js";
import { policyOf } from "./store-options.js";

/** What the fleet gives to each middleware. */
export interface MiddlewareContext {
  readonly room: SessionRoom;
  readonly lifetime: Pick<StorePolicy, "idle" | "absolute">;
  /** Whether the fleet's external URL is https. */
  readonly https: boolean;
}

/** Makes the middleware that gives each request its session; throws `ConfigError` with every problem of the options. */
export function createMiddleware(
  { room, lifetime, https }: MiddlewareContext,
  options: SessionMiddlewareOptions,
): Handler {
  const settings = readMiddlewareOptions(options, https, process.env["NODE_ENV"] === "production");
  const { secrets, name } = settings;
  for (const { code, message, help } of settings.warnings) room.logger.warn({ code, help }, message);
  const { proxy } = options;
  // A store of its own: express-session leaves the cookie's options and the making of ids on the store that it is given.
  const store = new ExpressSessionStore(room, policyOf(options, lifetime));
  const library = wrapLibrary(options, settings, store);
  const commit: CommitOptions = {
    store,
    saveUninitialized: options.saveUninitialized ?? false,
    destroyUnset: options.unset === "destroy",
  };
  const warnOfProxy = settings.alwaysSecure && https ? onceUntrusted(room, proxy) : () => undefined;
  const headers = { store, name, secrets, proxy };

  return (req, res, next) => {
    const request = req as SessionRequest;
    // Another session middleware was here before.
    if (request.session) return next();
    warnOfProxy(request);
    watchHeaders(request, res, headers);
    let entered = false;
    // Before express-session puts its own in place.
    const plainEnd = res.end;
    return library(request, res, (error) => {
      // Called once more when a session could not be saved after its response had begun.
      const first = !entered;
      entered = true;
      // A session that could not be loaded is not one that the app has ended.
      if (error !== undefined && commit.destroyUnset) request.sessionID = undefined;
      if (first && error === undefined && options.commit !== "express-session" && request.sessionStore === store) {
        commitBeforeResponse(request, res, plainEnd as End, next, commit);
      }
      next(error);
    });
  };
}

function wrapLibrary(
  options: SessionMiddlewareOptions,
  settings: MiddlewareSettings,
  store: ExpressSessionStore,
): Handler {
  const { genid, rolling = false, saveUninitialized = false, resave = false, proxy, unset } = options;
  const { cookie } = settings;
  const wrapped = expressSession({
    store: store as never,
    secret: settings.secrets as string[],
    name: settings.name,
    cookie: (typeof cookie === "function"
      ? (request: IncomingMessage) => resolveAuto(cookie(request), request, proxy)
      : cookie) as never,
    genid: genid ?? (() => generateId()),
    rolling,
    saveUninitialized,
    resave,
    ...(proxy === undefined ? {} : { proxy }),
    ...(unset === undefined ? {} : { unset }),
  });
  return wrapped as unknown as Handler;
}

/** express-session resolves "auto" only where the options are an object. */
function resolveAuto(cookie: object, request: IncomingMessage, proxy: boolean | undefined): object {
  const secure = isSecure(request as SessionRequest, proxy);
  const given = cookie as { secure?: unknown; sameSite?: unknown };
  return {
    ...cookie,
    ...(given.secure === "auto" ? { secure } : {}),
    ...(given.sameSite === "auto" ? { sameSite: secure ? "none" : "lax" } : {}),
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
