import type { IncomingMessage, ServerResponse } from "node:http";
import type { Handler, Next } from "./handler.js";
import { sendProblem } from "./problem.js";

/** The user's own decision on who makes a request; `undefined`, `null`, `false`, `""` and `0` are nobody. */
export type Identify<Identity> = (req: IncomingMessage) => Identity | Nobody | Promise<Identity | Nobody>;

/** What `owner` or `authorize` gives when there is no one. */
export type Nobody = undefined | null | false | "" | 0;

/** A handler that is told who makes the request. */
export type AuthorizedHandler<Identity> = (
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
  identity: Identity,
) => unknown;

/**
 * Runs the user's `owner` or `authorize` before a handler, which gets the result.
 *
 * Nobody is answered with 401. When the function throws or rejects, the error goes to `next`, and so does one of the
 * handler: nothing is let through because a check failed.
 */
export function authorized<Identity>(identify: Identify<Identity>, handler: AuthorizedHandler<Identity>): Handler {
  return async (req, res, next) => {
    try {
      const identity = await identify(req);
      if (isNobody(identity)) {
        return sendProblem(res, { status: 401, code: "ERR_FLEET_UNAUTHENTICATED", detail: "sign in first" });
      }
      await handler(req, res, next, identity);
    } catch (error) {
      next(error);
    }
  };
}

function isNobody(identity: unknown): identity is Nobody {
  return identity === undefined || identity === null || identity === false || identity === "" || identity === 0;
}
