import type { IncomingMessage } from "node:http";
import { authorized } from "../http/authorize.js";
import { refuseCrossSite } from "../http/cross-site.js";
import type { Handler, RequestHandler } from "../http/handler.js";
import { createRouter, type RoutedRequest } from "../http/router.js";
import { sendFailure, sendForbidden } from "./answers.js";
import { streamChanges } from "./change-stream.js";
import { ReservationSessionError } from "./errors.js";
import { nameOf, ownerOf, type OwnerLike } from "./input.js";
import type { RegistryContext } from "./registry-context.js";
import type { RegistryLog } from "./registry-log.js";
import type { RegistrySettings } from "./registry-options.js";
import type { Registry } from "./registry.js";
import type { Reservation } from "./reservation.js";
import { forceRelease, steal } from "./routes-by-others.js";
import { heartbeat, list, release, reserve, show } from "./routes.js";
import type { ReservationOwner } from "./reservation-store.js";

/** What a user of the routes may be allowed to do. */
export type ReservationAction = "read" | "reserve" | "steal" | "force-release";

/** Who uses the routes of a registry, and what for. */
export interface ReservationRouterOptions {
  /** The user who makes a request, or nobody: then 401. */
  readonly owner: (req: any) => Owner | Promise<Owner>;
  /**
   * Whether the user may do something with the items that the request names, which are none for a list of all and for the
   * stream of changes; asked with the reservation that it is done to, for `steal` and `force-release`. Without an answer, or without `can`, everybody may read and reserve, and nobody may steal or force a release. What is
   * the session's own may always be released.
   */
  readonly can?:
    | ((
        req: any,
        action: ReservationAction,
        reservation: Reservation | undefined,
        items: readonly string[],
      ) => boolean | undefined | Promise<boolean | undefined>)
    | undefined;
  /** The public name of the request's session. Default that of the session middleware. */
  readonly session?: ((req: any) => string | undefined) | undefined;
  /** Origins, beside the request's own, whose pages may change something. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

type Owner = OwnerLike | undefined | null | false;

/** What a route is told of the request and its user. */
export interface RouteCall {
  readonly req: RoutedRequest;
  readonly registry: Registry;
  readonly settings: RegistrySettings;
  readonly owner: ReservationOwner;
  /** The public name of the session; throws `ReservationSessionError` where there is none. */
  readonly session: string;
  /** Whether the user may; answers 403 when not. */
  readonly may: (action: ReservationAction, items: readonly string[], reservation?: Reservation) => Promise<boolean>;
}

/** Makes the routes of a registry; throws `TypeError` for options that cannot be used. */
export function createReservationRouter(
  registry: Registry,
  log: RegistryLog,
  context: RegistryContext,
  settings: RegistrySettings,
  options: ReservationRouterOptions,
): RequestHandler {
  if (typeof options?.owner !== "function")
    throw new TypeError("router({ owner }) is missing: write owner: (req) => the id of the user, or undefined");
  const { backend, watch } = context;
  const { can, allowedOrigins } = options;
  const sessionOf = options.session ?? ((req: IncomingMessage) => watch.of(req));
  type Route = (call: RouteCall, res: Parameters<Handler>[1]) => Promise<void>;
  const routed = (route: Route): Handler =>
    authorized<OwnerLike>(options.owner, async (req, res, next, identity) => {
      const name = sessionOf(req);
      if (name === undefined) throw new ReservationSessionError();
      const may: RouteCall["may"] = async (action, items, reservation) => {
        const answer = (await can?.(req, action, reservation, items)) ?? (action === "read" || action === "reserve");
        if (!answer) sendForbidden(res, action);
        return answer;
      };
      const session = nameOf(name, "the session");
      const call = { req: req as RoutedRequest, registry, settings, owner: ownerOf(identity), session, may };
      try {
        await route(call, res);
      } catch (error) {
        sendFailure(res, error, next);
      }
    });
  const events: Route = async (call, res) => {
    if (await call.may("read", [])) await streamChanges(call.req, res, log, backend, { session: call.session });
  };
  const changes = refuseCrossSite(allowedOrigins === undefined ? {} : { allowedOrigins });
  return createRouter([
    { method: "POST", path: "/reserve", handlers: [changes, routed(reserve)] },
    { method: "POST", path: "/release", handlers: [changes, routed(release)] },
    { method: "POST", path: "/heartbeat", handlers: [changes, routed(heartbeat)] },
    { method: "GET", path: "/", handlers: [routed(list)] },
    { method: "GET", path: "/events", handlers: [routed(events)] },
    { method: "GET", path: "/:item", handlers: [routed(show)] },
    { method: "POST", path: "/:item/steal", handlers: [changes, routed(steal)] },
    { method: "POST", path: "/:item/force-release", handlers: [changes, routed(forceRelease)] },
  ]);
}
