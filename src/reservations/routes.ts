import type { ServerResponse } from "node:http";
import { sendJson } from "../http/json.js";
import { sendProblem } from "../http/problem.js";
import { queryOf } from "../http/router.js";
import { sendBusy, sendChanged, sendFree, sendLost, sendQuota } from "./answers.js";
import { ReservationInputError } from "./errors.js";
import { itemsOf, nameOf, tokenOf } from "./input.js";
import type { Claim, Whose } from "./registry.js";
import { bodyOf, type Body } from "./request-body.js";
import { holderMembers, viewOf } from "./reservation-view.js";
import type { ReserveManyOutcome, ReserveOutcome } from "./reservation.js";
import type { RouteCall } from "./router.js";

/** `POST /reserve`: one `item`, or several `items` with `mode`. */
export async function reserve(call: RouteCall, res: ServerResponse): Promise<void> {
  const { registry, owner, session } = call;
  const body = await bodyOf(call.req);
  const options = { owner, ...claimOf(body, session) };
  if (body["items"] !== undefined) {
    const { mode = "all" } = body;
    const items = itemsOf(listOf(body["items"]));
    if (mode !== "all" && mode !== "each")
      throw new ReservationInputError("the mode is neither all nor each", 'send "mode": "all" or "mode": "each"');
    if (!(await call.may("reserve", items))) return;
    return answerMany(call, res, await registry.reserve(items, { ...options, mode }));
  }
  const item = nameOf(body["item"], "the item");
  if (!(await call.may("reserve", [item]))) return;
  const outcome = await registry.reserve(item, options);
  if (outcome.status === "quota") return sendQuota(res, outcome);
  if (outcome.status === "busy") return sendBusy(res, outcome.holder);
  const { reservation, status } = outcome;
  const headers = { "Reservation-Token": String(reservation.token) };
  sendJson(res, status === "reserved" ? 201 : 200, viewOf(reservation, call), { headers });
}

function answerMany(call: RouteCall, res: ServerResponse, outcome: ReserveManyOutcome): void {
  if (outcome.status === "quota") return sendQuota(res, outcome);
  const busy = outcome.status === "busy" ? outcome.holders : outcome.outcomes.flatMap(holderOf);
  const [first] = busy;
  // Nothing of what was asked for is the session's now.
  if (first !== undefined && (outcome.status === "busy" || busy.length === outcome.outcomes.length))
    return sendBusy(res, first, { holders: busy.map(holderMembers) });
  const outcomes = outcome.status === "busy" ? [] : outcome.outcomes;
  const isNew = outcomes.some(({ status }) => status === "reserved");
  sendJson(res, isNew ? 201 : 200, {
    outcomes: outcomes.map((each) =>
      each.status === "busy"
        ? { status: "busy", ...holderMembers(each.holder) }
        : { status: each.status, reservation: viewOf(each.reservation, call) },
    ),
  });
}

function holderOf(outcome: ReserveOutcome): readonly (ReserveOutcome & { status: "busy" })["holder"][] {
  return outcome.status === "busy" ? [outcome.holder] : [];
}

/** `POST /release`: an `item` with its `token`, several `items`, or `all` of the session. What is free already is no error. */
export async function release(call: RouteCall, res: ServerResponse): Promise<void> {
  const { registry, session } = call;
  const body = await bodyOf(call.req);
  if (body["all"] === true) await registry.releaseAll({ session });
  else {
    const named = body["items"] === undefined ? [body] : listOf(body["items"]).map(itemIn);
    const items = named.map(({ item, token }) => ({ item: nameOf(item, "the item"), token: tokenOf(token) }));
    const outcomes = await registry.releaseEach(items, session);
    const others = outcomes.flatMap((outcome) => (outcome.status === "other" ? [outcome.holder] : []));
    const [first] = others;
    if (first !== undefined) return sendChanged(res, first);
  }
  res.statusCode = 204;
  res.end();
}

/** `POST /heartbeat`: with an `item`, and its `token`, it also says whether that was lost meanwhile. */
export async function heartbeat(call: RouteCall, res: ServerResponse): Promise<void> {
  const { registry, session } = call;
  const body = await bodyOf(call.req);
  const item = body["item"] === undefined ? undefined : nameOf(body["item"], "the item");
  const token = tokenOf(body["token"]);
  const beat = await registry.heartbeat(session);
  const found = item === undefined ? undefined : await registry.check(item, { session, token });
  if (found !== undefined && found.status !== "held") {
    if (token !== undefined) return sendLost(res, found.last, found.status === "other" ? found.holder : undefined);
    if (found.status === "other") return sendChanged(res, found.holder);
  }
  if (beat.status === "gone" || found?.status === "free") return sendGone(res);
  sendJson(res, 200, { until: beat.until });
}

/** `GET /`: a page of all, of `?owner=`, of `?session=`, of the user (`?mine`), or of those `?item=` that are named. */
export async function list(call: RouteCall, res: ServerResponse): Promise<void> {
  const { registry } = call;
  const query = queryOf(call.req);
  const items = query.getAll("item");
  if (!(await call.may("read", items))) return;
  const page =
    items.length > 0
      ? { reservations: await registry.getEach(items) }
      : await registry.page({ of: whose(query, call), cursor: query.get("cursor") ?? undefined });
  sendJson(res, 200, { ...page, reservations: page.reservations.map((reservation) => viewOf(reservation, call)) });
}

/** `GET /:item`: who has it. */
export async function show(call: RouteCall, res: ServerResponse): Promise<void> {
  const item = call.req.params["item"] ?? "";
  const reservation = await call.registry.get(item);
  if (!(await call.may("read", [item], reservation))) return;
  if (reservation === undefined) return sendFree(res);
  sendJson(res, 200, viewOf(reservation, call));
}

/** What a request says of its reservation. */
export function claimOf(body: Body, session: string): Claim {
  const { client, reason, details } = body;
  return {
    session,
    client: client === undefined || client === null ? undefined : nameOf(client, "the client"),
    reason: reason as string | undefined,
    details,
  };
}

function whose(query: URLSearchParams, { owner, session }: RouteCall): Whose | undefined {
  if (query.has("mine")) return query.get("mine") === "session" ? { session } : { owner: owner.id };
  const of = query.get("owner");
  if (of !== null) return { owner: of };
  const by = query.get("session");
  return by === null ? undefined : { session: by };
}

/** An item by its name, or with its token. */
function itemIn(value: unknown): Body {
  return typeof value === "object" && value !== null ? (value as Body) : { item: value };
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new ReservationInputError("items is no list", 'send "items": ["42", "43"]');
}

function sendGone(res: ServerResponse): void {
  sendProblem(res, {
    status: 409,
    code: "ERR_FLEET_RESERVATION_GONE",
    detail: "nothing is kept for this session any more: reserve again",
  });
}
