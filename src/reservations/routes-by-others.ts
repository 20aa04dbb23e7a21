import type { ServerResponse } from "node:http";
import { sendJson } from "../http/json.js";
import { sendChanged, sendFree } from "./answers.js";
import { tokenOf } from "./input.js";
import { bodyOf } from "./request-body.js";
import { viewOf } from "./reservation-view.js";
import type { RouteCall } from "./router.js";
import { claimOf } from "./routes.js";

/** `POST /:item/steal`: takes the item from its holder, or only from the one with the `expected` token. */
export async function steal(call: RouteCall, res: ServerResponse): Promise<void> {
  const { registry, owner, session } = call;
  const item = call.req.params["item"] ?? "";
  const body = await bodyOf(call.req);
  const holder = await registry.get(item);
  if (!(await call.may("steal", [item], holder))) return;
  if (holder === undefined) return sendFree(res);
  // Of nobody else than whom the user was allowed to take it from.
  const expected = holder.token;
  if ((tokenOf(body["expected"]) ?? expected) !== expected) return sendChanged(res, holder);
  const outcome = await registry.steal(item, { ...claimOf(body, session), by: owner, expected });
  if (outcome.status === "free") return sendFree(res);
  if (outcome.status === "changed") return sendChanged(res, outcome.holder);
  const { reservation, previous } = outcome;
  const headers = { "Reservation-Token": String(reservation.token) };
  sendJson(res, 200, { reservation: viewOf(reservation, call), previous: viewOf(previous, call) }, { headers });
}

/** `POST /:item/force-release`: ends the reservation of whoever has the item. */
export async function forceRelease(call: RouteCall, res: ServerResponse): Promise<void> {
  const { registry, owner } = call;
  const item = call.req.params["item"] ?? "";
  const body = await bodyOf(call.req);
  const holder = await registry.get(item);
  if (!(await call.may("force-release", [item], holder))) return;
  if (holder === undefined) return sendFree(res);
  const expected = holder.token;
  if ((tokenOf(body["expected"]) ?? expected) !== expected) return sendChanged(res, holder);
  const reason = body["reason"] as string | undefined;
  const outcome = await registry.forceRelease(item, { by: owner, reason, expected });
  if (outcome.status === "free") return sendFree(res);
  if (outcome.status === "changed") return sendChanged(res, outcome.holder);
  sendJson(res, 200, { previous: viewOf(outcome.previous, call) });
}
