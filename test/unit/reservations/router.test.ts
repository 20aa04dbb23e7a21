import express from "express";
import request from "supertest";
import { describe, expect, test } from "vitest";
import type { Registry, ReservationRouterOptions } from "../../../src/reservations/index.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { anotherName, headerOf, instanceOn, type Instance } from "./room.js";

interface Setup {
  readonly app: express.Express;
  readonly clock: FakeClock;
  readonly one: Instance;
  readonly documents: Registry;
}

const names: Readonly<Record<string, string>> = { u1: "Anna", u2: "Ben" };

function setUp(
  options: Partial<ReservationRouterOptions> = {},
  { quota = 0, parser }: { readonly quota?: number; readonly parser?: express.RequestHandler } = {},
): Setup {
  // The wall clock of the machine, by which `Retry-After` is reckoned.
  const clock = new FakeClock(Date.now());
  const one = instanceOn(anotherName(), clock);
  const documents = one.room.define("document", { quota });
  const app = express();
  if (parser !== undefined) app.use(parser);
  const owner = (req: express.Request): { id: string; name?: string } | undefined => {
    const id = headerOf(req, "x-user");
    return id === undefined ? undefined : { id, name: names[id] as string };
  };
  app.use("/reservations", documents.router({ owner, ...options }));
  return { app, clock, one, documents };
}

const anna = { "x-user": "u1", "x-session": "s1" };
const ben = { "x-user": "u2", "x-session": "s2" };

type Who = Readonly<Record<string, string>>;

function post({ app }: Setup, path: string, who: Who, body: object = {}): request.Test {
  return request(app).post(`/reservations${path}`).set(who).send(body);
}

function get({ app }: Setup, path: string, who: Who): request.Test {
  return request(app).get(`/reservations${path}`).set(who);
}

describe("POST /reserve", () => {
  test("is 201 with the token, and 200 with the same one when it is refreshed", async () => {
    const setup = setUp();
    const first = await post(setup, "/reserve", anna, { item: "42", reason: "proof-reading", details: { page: 3 } });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      item: "42",
      owner: { id: "u1", name: "Anna" },
      reason: "proof-reading",
      details: { page: 3 },
      mine: true,
      session: "s1",
    });
    expect(first.headers["reservation-token"]).toBe(String((first.body as { token: number }).token));
    const again = await post(setup, "/reserve", anna, { item: "42" });
    expect([again.status, again.headers["reservation-token"]]).toEqual([200, first.headers["reservation-token"]]);
  });

  test("is 423 for another user, with who has it, why, since when and until when, and never with the session", async () => {
    const setup = setUp();
    const { body: held } = await post(setup, "/reserve", anna, { item: "42", reason: "proof-reading" });
    const answer = await post(setup, "/reserve", ben, { item: "42" });
    expect(answer.status).toBe(423);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    const { since, until } = held as { since: number; until: number };
    expect(answer.body).toMatchObject({
      status: 423,
      code: "ERR_FLEET_RESERVATION_BUSY",
      holder: { id: "u1", name: "Anna" },
      reason: "proof-reading",
      since,
      until,
    });
    expect(answer.text).not.toContain("s1");
    const wait = Number(answer.headers["retry-after"]);
    expect(wait).toBeGreaterThan(50);
    expect(wait).toBeLessThanOrEqual(61);
  });

  test("takes several: all or none, or each that is free", async () => {
    const setup = setUp();
    await post(setup, "/reserve", anna, { item: "2" });
    const none = await post(setup, "/reserve", ben, { items: ["1", "2"] });
    expect([none.status, (none.body as { holders: unknown }).holders]).toMatchObject([
      423,
      [{ item: "2", holder: { id: "u1" } }],
    ]);
    const each = await post(setup, "/reserve", ben, { items: ["1", "2"], mode: "each" });
    expect(each.status).toBe(201);
    expect(each.body).toMatchObject({
      outcomes: [
        { status: "reserved", reservation: { item: "1", mine: true } },
        { status: "busy", item: "2" },
      ],
    });
    expect((await post(setup, "/reserve", ben, { items: ["1"] })).status).toBe(200);
    expect((await post(setup, "/reserve", ben, { items: ["2"], mode: "each" })).status).toBe(423);
  });

  test("is 409 above the quota", async () => {
    const setup = setUp({}, { quota: 1 });
    await post(setup, "/reserve", anna, { item: "1" });
    const answer = await post(setup, "/reserve", anna, { item: "2" });
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ code: "ERR_FLEET_RESERVATION_QUOTA", held: 1, quota: 1 });
  });

  test.each<[what: string, body: string, status: number]>([
    ["no JSON", "{", 400],
    ["a list", "[1]", 400],
    ["no item", "{}", 400],
    ["an item that is a number", '{"item":42}', 400],
    ["items that are no list", '{"items":"42"}', 400],
    ["a mode that there is not", '{"items":["1"],"mode":"some"}', 400],
    ["a reason that is no text", '{"item":"1","reason":{}}', 400],
    ["more than 64 kB", JSON.stringify({ item: "1", reason: "x".repeat(66_000) }), 413],
  ])("answers %s with what was wrong", async (_what, body, status) => {
    const { app } = setUp();
    const answer = await request(app).post("/reservations/reserve").set(anna).type("json").send(body);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code: "ERR_FLEET_RESERVATION_INPUT" });
    expect((answer.body as { detail: string }).detail).not.toBe("");
  });

  test.each([
    ["express.json()", express.json()],
    ["express.text()", express.text({ type: "*/*" })],
    ["express.raw()", express.raw({ type: "*/*" })],
  ])("takes what %s has read", async (_what, parser) => {
    const setup = setUp({}, { parser });
    expect((await post(setup, "/reserve", anna, { item: "1" })).status).toBe(201);
  });
});

describe("who may", () => {
  test("is nobody without a user: 401 everywhere", async () => {
    const setup = setUp();
    const nobody = { "x-session": "s1" };
    for (const path of ["/reserve", "/release", "/heartbeat", "/1/steal", "/1/force-release"])
      expect((await post(setup, path, nobody, { item: "1" })).status).toBe(401);
    for (const path of ["/", "/1", "/events"]) expect((await get(setup, path, nobody)).status).toBe(401);
  });

  test("is no page of another site: 403", async () => {
    const setup = setUp({ allowedOrigins: ["https://app.example"] });
    const from = (origin: string): Who => ({ ...anna, origin, "sec-fetch-site": "cross-site" });
    for (const path of ["/reserve", "/release", "/heartbeat", "/1/steal", "/1/force-release"]) {
      const { status, body } = await post(setup, path, from("https://evil.example"), { item: "1" });
      expect([status, (body as { code: string }).code]).toEqual([403, "ERR_FLEET_CROSS_SITE"]);
    }
    expect((await post(setup, "/reserve", from("https://app.example"), { item: "1" })).status).toBe(201);
  });

  test("is everybody for reserving, nobody for stealing, unless `can` says so", async () => {
    const setup = setUp();
    await post(setup, "/reserve", anna, { item: "1" });
    expect((await post(setup, "/1/steal", ben)).body).toMatchObject({
      status: 403,
      code: "ERR_FLEET_RESERVATION_FORBIDDEN",
    });
    expect((await post(setup, "/1/force-release", ben)).status).toBe(403);
    const asked: unknown[] = [];
    const strict = setUp({
      can: (_req, action, reservation) => {
        asked.push([action, reservation?.item]);
        return action !== "reserve";
      },
    });
    expect((await post(strict, "/reserve", anna, { item: "1" })).status).toBe(403);
    await strict.documents.reserve("1", { owner: "u1", session: "s1" });
    expect((await post(strict, "/1/steal", ben)).status).toBe(200);
    expect((await post(strict, "/1/force-release", anna)).status).toBe(200);
    expect(asked).toEqual([
      ["reserve", undefined],
      ["steal", "1"],
      ["force-release", "1"],
    ]);
  });

  test("is decided for the items that are named, however the request is sent", async () => {
    const asked: unknown[] = [];
    const setup = setUp(
      {
        can: (_req, action, _reservation, items) => {
          asked.push([action, items]);
          return !items.includes("secret");
        },
      },
      { parser: express.json() },
    );
    const beacon = request(setup.app).post("/reservations/reserve").set(anna).type("text/plain");
    expect((await beacon.send('{"item":"secret"}')).status).toBe(403);
    expect((await post(setup, "/reserve", anna, { items: ["1", "secret"], mode: "each" })).status).toBe(403);
    expect((await setup.documents.page()).reservations).toEqual([]);
    expect((await get(setup, "/secret", anna)).status).toBe(403);
    expect((await get(setup, "/?item=1&item=2", anna)).status).toBe(200);
    expect((await get(setup, "/", anna)).status).toBe(200);
    expect(asked).toEqual([
      ["reserve", ["secret"]],
      ["reserve", ["1", "secret"]],
      ["read", ["secret"]],
      ["read", ["1", "2"]],
      ["read", []],
    ]);
  });

  test("is nobody without a session, and the error says what is missing", async () => {
    const setup = setUp();
    const errors: unknown[] = [];
    setup.app.use(((error, _req, res, _next) => {
      errors.push(error);
      res.sendStatus(500);
    }) as express.ErrorRequestHandler);
    await post(setup, "/reserve", { "x-user": "u1" }, { item: "1" });
    expect(errors).toMatchObject([{ code: "ERR_FLEET_RESERVATION_SESSION", help: expect.stringContaining("session") }]);
  });

  test("needs the option owner", () => {
    const { documents } = setUp();
    expect(() => documents.router({} as ReservationRouterOptions)).toThrow(/owner/);
  });
});

describe("POST /release", () => {
  test("is 204, a second time too, and 409 for what somebody else has", async () => {
    const setup = setUp();
    const { headers } = await post(setup, "/reserve", anna, { item: "1" });
    const token = headers["reservation-token"] as string;
    const wrong = await post(setup, "/release", anna, { item: "1", token: Number(token) + 1 });
    expect([wrong.status, (wrong.body as { code: string }).code]).toEqual([409, "ERR_FLEET_RESERVATION_CHANGED"]);
    expect((await post(setup, "/release", ben, { item: "1" })).body).toMatchObject({
      status: 409,
      holder: { id: "u1" },
    });
    expect((await post(setup, "/release", anna, { item: "1", token })).status).toBe(204);
    expect((await post(setup, "/release", anna, { item: "1", token })).status).toBe(204);
  });

  test("takes what navigator.sendBeacon sends, several items, or all", async () => {
    const setup = setUp();
    await post(setup, "/reserve", anna, { items: ["1", "2", "3", "4"] });
    const beacon = request(setup.app).post("/reservations/release").set(anna).set("sec-fetch-site", "same-origin");
    expect((await beacon.type("text/plain").send('{"item":"1"}')).status).toBe(204);
    expect((await post(setup, "/release", anna, { items: ["2", { item: "3" }] })).status).toBe(204);
    expect((await setup.documents.page()).reservations).toMatchObject([{ item: "4" }]);
    expect((await post(setup, "/release", anna, { all: true })).status).toBe(204);
    expect((await setup.documents.page()).reservations).toEqual([]);
    expect((await post(setup, "/release", anna)).status).toBe(400);
  });
});

describe("POST /heartbeat", () => {
  test("keeps what the session has, and is 409 when there is nothing to keep", async () => {
    const setup = setUp();
    await post(setup, "/reserve", anna, { item: "1" });
    setup.clock.advance(50_000);
    const beat = await post(setup, "/heartbeat", anna);
    expect(beat.status).toBe(200);
    setup.clock.advance(50_000);
    expect(await setup.documents.get("1")).toMatchObject({ until: (beat.body as { until: number }).until });
    setup.clock.advance(10_000);
    expect((await post(setup, "/heartbeat", anna)).body).toMatchObject({
      status: 409,
      code: "ERR_FLEET_RESERVATION_GONE",
    });
  });

  test("says how an item was lost that the page believes to have", async () => {
    const setup = setUp({ can: () => true });
    const { headers } = await post(setup, "/reserve", anna, { items: ["2"] });
    expect(headers["reservation-token"]).toBeUndefined();
    const { body } = await post(setup, "/reserve", anna, { item: "1" });
    const { token } = body as { token: number };
    expect((await post(setup, "/heartbeat", anna, { item: "1", token })).status).toBe(200);
    await post(setup, "/1/steal", ben, { reason: "urgent" });
    expect((await post(setup, "/heartbeat", anna, { item: "1", token })).body).toMatchObject({
      status: 412,
      code: "ERR_FLEET_RESERVATION_LOST",
      cause: "stolen",
      by: { id: "u2", name: "Ben" },
      holder: { id: "u2" },
    });
    expect((await post(setup, "/heartbeat", anna, { item: "1" })).status).toBe(409);
    await post(setup, "/release", ben, { item: "1" });
    expect((await post(setup, "/heartbeat", anna, { item: "1" })).status).toBe(409);
  });
});

describe("GET", () => {
  test("lists what is reserved: all, one owner's, one's own, some items, in pages", async () => {
    const setup = setUp();
    const items = Array.from({ length: 101 }, (_, index) => `a${String(index).padStart(3, "0")}`);
    await post(setup, "/reserve", anna, { items: items.slice(0, 100) });
    await post(setup, "/reserve", ben, { items: [items[100], "b"] });
    const listed = async (query: string, who: Who = ben): Promise<{ items: string[]; next?: string; text: string }> => {
      const { body, text, status } = await get(setup, `/${query}`, who);
      expect(status).toBe(200);
      const { reservations, next } = body as { reservations: { item: string }[]; next?: string };
      return { items: reservations.map(({ item }) => item), text, ...(next === undefined ? {} : { next }) };
    };
    const first = await listed("");
    expect(first.items).toEqual(items.slice(0, 100));
    expect(first.text).not.toContain('"s1"');
    const second = await listed(`?cursor=${encodeURIComponent(first.next ?? "")}`);
    expect([second.items, second.next]).toEqual([["a100", "b"], undefined]);
    expect((await listed("?mine")).items).toEqual(["a100", "b"]);
    expect((await listed("?mine=session")).items).toEqual(["a100", "b"]);
    expect((await listed("?owner=u2", anna)).items).toEqual(["a100", "b"]);
    expect((await listed("?session=s2", anna)).items).toEqual(["a100", "b"]);
    expect((await listed("?item=b&item=c&item=a000")).items.toSorted()).toEqual(["a000", "b"]);
  });

  test("shows one, or 404", async () => {
    const setup = setUp();
    await post(setup, "/reserve", anna, { item: "a/b ü" });
    const shown = await get(setup, `/${encodeURIComponent("a/b ü")}`, ben);
    expect(shown.body).toMatchObject({ item: "a/b ü", owner: { id: "u1" }, mine: false });
    expect(shown.body).not.toHaveProperty("session");
    expect((await get(setup, "/nothing", ben)).body).toMatchObject({
      status: 404,
      code: "ERR_FLEET_RESERVATION_FREE",
    });
  });
});

describe("POST /:item/steal and /:item/force-release", () => {
  test("take it from the holder whom the user was shown, and from nobody else", async () => {
    const setup = setUp({ can: () => true });
    const { body } = await post(setup, "/reserve", anna, { item: "1" });
    const { token } = body as { token: number };
    expect((await post(setup, "/1/steal", ben, { expected: token - 1 })).body).toMatchObject({
      status: 409,
      code: "ERR_FLEET_RESERVATION_CHANGED",
      holder: { id: "u1" },
      token,
    });
    const stolen = await post(setup, "/1/steal", ben, { expected: token, reason: "urgent" });
    expect(stolen.body).toMatchObject({ reservation: { mine: true }, previous: { token, mine: false } });
    expect(Number(stolen.headers["reservation-token"])).toBeGreaterThan(token);
    expect((await post(setup, "/1/force-release", ben, { expected: token })).status).toBe(409);
    expect((await post(setup, "/1/force-release", ben)).status).toBe(200);
    expect((await post(setup, "/1/force-release", ben)).status).toBe(404);
    expect((await post(setup, "/1/steal", ben)).status).toBe(404);
  });
});

test("what `can` was shown is what is taken: of a holder who came meanwhile nothing is", async () => {
  const setup = setUp({
    can: async (_req, action, reservation) => {
      if (action === "reserve" || reservation?.owner.id !== "u1") return undefined;
      await setup.documents.forceRelease("1", { by: "admin" });
      await setup.documents.reserve("1", { owner: "boss", session: "s9" });
      return true;
    },
  });
  for (const path of ["/1/steal", "/1/force-release"]) {
    await setup.documents.releaseAll({ session: "s9" });
    const { body } = await post(setup, "/reserve", anna, { item: "1" });
    expect((await post(setup, path, ben)).body).toMatchObject({ status: 409, holder: { id: "boss" } });
    await setup.documents.releaseAll({ session: "s9" });
    await post(setup, "/reserve", anna, { item: "1" });
    // Nor by a guess of the token that the next one will have.
    const next = (body as { token: number }).token + 3;
    expect((await post(setup, path, ben, { expected: next })).status).toBe(409);
    expect(await setup.documents.get("1")).toMatchObject({ owner: { id: "boss" }, token: next });
  }
});

test("an absent backend is 503 with Retry-After", async () => {
  const setup = setUp();
  await setup.documents.close();
  const answer = await post(setup, "/reserve", anna, { item: "1" });
  expect(answer.status).toBe(503);
  expect(answer.headers["retry-after"]).toBe("1");
  // Not a page of the app's: the browser reads JSON.
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  expect(answer.body).toMatchObject({ code: "ERR_FLEET_CLOSED" });
});
