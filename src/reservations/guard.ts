import type { IncomingMessage, ServerResponse } from "node:http";
import type { Handler } from "../http/handler.js";
import { sendProblem } from "../http/problem.js";
import { sendBusy, sendFailure, sendLost } from "./answers.js";
import { ReservationSessionError } from "./errors.js";
import { ownerOf, tokenOf, type OwnerLike } from "./input.js";
import type { RegistryContext } from "./registry-context.js";
import type { Registry } from "./registry.js";
import type { Reservation } from "./reservation.js";

/** Which reservation a request needs. */
export interface GuardOptions {
  /** The item that the request is about to change. */
  readonly item: (req: any) => string | Promise<string>;
  /** Who makes the request; given, the reservation must be that user's too. */
  readonly owner?: ((req: any) => Owner | Promise<Owner>) | undefined;
  /** The session that must have it. Default the request's session. */
  readonly session?: ((req: any) => string | undefined) | undefined;
  /** The token that the client holds. Default the header `Reservation-Token`; without one the session decides. */
  readonly token?: ((req: any) => string | number | undefined) | undefined;
}

type Owner = OwnerLike | undefined | null | false;

/** A request that the guard let pass. */
export interface ReservedRequest extends IncomingMessage {
  /** What the guard found; `token` belongs into the write, since the reservation may be lost while the handler runs. */
  reservation?: Reservation;
}

/** The header in which a client says which reservation it holds. */
export const tokenHeader = "reservation-token";

/** Makes the guard of `registry.require`; throws `TypeError` for options that cannot be used. */
export function createGuard(registry: Registry, { watch }: RegistryContext, options: GuardOptions): Handler {
  if (typeof options?.item !== "function")
    throw new TypeError("require({ item }) is missing: write item: (req) => the name of the item that is changed");
  const { item, owner, session = (req) => watch.of(req), token = tokenInHeader } = options;
  const find = async (req: IncomingMessage, res: ServerResponse): Promise<Reservation | undefined> => {
    const by = owner === undefined ? undefined : await owner(req);
    if (owner !== undefined && !by) return refused(() => refuseNobody(res));
    const asked = { session: session(req), token: tokenOf(token(req)) };
    // The token alone would let anybody pass who knows it: it is no secret.
    if (asked.session === undefined && !by) throw new ReservationSessionError();
    const found = await registry.check(await item(req), asked);
    if (found.status === "held") {
      const { reservation } = found;
      const isTheirs = !by || reservation.owner.id === ownerOf(by).id;
      return isTheirs ? reservation : refused(() => sendBusy(res, reservation));
    }
    const holder = found.status === "other" ? found.holder : undefined;
    if (asked.token !== undefined) return refused(() => sendLost(res, found.last, holder));
    return refused(() => (holder === undefined ? refuseUnreserved(res) : sendBusy(res, holder)));
  };
  return (req, res, next) => {
    // Whatever goes wrong, the handler does not run: with an absent backend this is a 503.
    const passed = (reservation: Reservation | undefined): void => {
      if (reservation === undefined) return;
      (req as ReservedRequest).reservation = reservation;
      next();
    };
    find(req, res).then(passed, (error: unknown) => sendFailure(res, error, next));
  };
}

function refused(answer: () => void): undefined {
  answer();
  return undefined;
}

function tokenInHeader(req: IncomingMessage): string | undefined {
  const value = req.headers[tokenHeader];
  return typeof value === "string" ? value : undefined;
}

function refuseNobody(res: ServerResponse): void {
  sendProblem(res, { status: 401, code: "ERR_FLEET_UNAUTHENTICATED", detail: "sign in first" });
}

function refuseUnreserved(res: ServerResponse): void {
  sendProblem(res, {
    status: 428,
    code: "ERR_FLEET_RESERVATION_REQUIRED",
    detail: "reserve it first",
  });
}
