import express from "express";
import request from "supertest";
import { expect, test } from "vitest";
import type { GuardOptions, Registry, ReservedRequest } from "../../../src/reservations/index.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { anotherName, headerOf, instanceOn } from "./room.js";

interface Setup {
  readonly documents: Registry;
  readonly clock: FakeClock;
  /** The tokens with which the handler ran. */
  readonly ran: (number | undefined)[];
  write(headers: Readonly<Record<string, string>>): request.Test;
}

function setUp(options: Partial<GuardOptions> = {}): Setup {
  const clock = new FakeClock(Date.now());
  const documents = instanceOn(anotherName(), clock).room.define("document");
  const app = express();
  const ran: (number | undefined)[] = [];
  const item = (req: express.Request): string => req.params["id"] as string;
  app.put("/documents/:id", documents.require({ item, ...options }), (req, res) => {
    ran.push((req as ReservedRequest).reservation?.token);
    res.sendStatus(204);
  });
  return { documents, clock, ran, write: (headers) => request(app).put("/documents/1").set(headers) };
}

async function reserve(documents: Registry, session = "s1", owner = "u1"): Promise<number> {
  const outcome = await documents.reserve("1", { owner, session });
  if (outcome.status !== "reserved") throw new Error(outcome.status);
  return outcome.reservation.token;
}

test("lets the session pass that has the item, by its token or without, and tells the handler the token", async () => {
  const { documents, ran, write } = setUp();
  const token = await reserve(documents);
  expect((await write({ "x-session": "s1" })).status).toBe(204);
  expect((await write({ "x-session": "s1", "reservation-token": String(token) })).status).toBe(204);
  expect(ran).toEqual([token, token]);
});

test("refuses everybody else before the handler runs", async () => {
  const { documents, clock, ran, write } = setUp();
  expect((await write({ "x-session": "s1" })).body).toMatchObject({
    status: 428,
    code: "ERR_FLEET_RESERVATION_REQUIRED",
  });
  const token = String(await reserve(documents));
  expect((await write({ "x-session": "s2" })).body).toMatchObject({ status: 423, holder: { id: "u1" } });
  // It is no secret: who only knows it has nothing.
  expect((await write({ "x-session": "s2", "reservation-token": token })).status).toBe(412);
  expect((await write({ "x-session": "s1", "reservation-token": "1" })).status).toBe(412);
  expect((await write({ "x-session": "s1", "reservation-token": "x" })).status).toBe(400);
  await documents.steal("1", { by: { id: "u2", name: "Ben" }, session: "s2", reason: "urgent" });
  expect((await write({ "x-session": "s1", "reservation-token": token })).body).toMatchObject({
    status: 412,
    code: "ERR_FLEET_RESERVATION_LOST",
    cause: "stolen",
    by: { id: "u2", name: "Ben" },
    reason: "urgent",
    detail: "the reservation was taken over by Ben",
  });
  expect((await write({ "x-session": "s1" })).status).toBe(423);
  clock.advance(61_000);
  expect((await write({ "x-session": "s2" })).status).toBe(428);
  expect(ran).toEqual([]);
});

test.each([
  ["expired", async ({ clock }: Setup) => clock.advance(61_000)],
  ["forced", ({ documents }: Setup) => documents.forceRelease("1", { by: "admin" })],
])("says that a reservation is %s", async (cause, end) => {
  const setup = setUp();
  const token = await reserve(setup.documents);
  await end(setup);
  const { body } = await setup.write({ "x-session": "s1", "reservation-token": String(token) });
  expect(body).toMatchObject({ status: 412, cause });
});

test("asks for the user too where it is told how", async () => {
  const { documents, ran, write } = setUp({ owner: (req) => headerOf(req as express.Request, "x-user") });
  const token = await reserve(documents);
  expect((await write({ "x-session": "s1" })).status).toBe(401);
  expect((await write({ "x-session": "s1", "x-user": "u2" })).status).toBe(423);
  expect((await write({ "x-session": "s1", "x-user": "u1" })).status).toBe(204);
  // Without a session it is whoever has it, who must be the user.
  expect((await write({ "x-user": "u2" })).status).toBe(423);
  expect((await write({ "x-user": "u1" })).status).toBe(204);
  expect(ran).toEqual([token, token]);
});

test("takes the token from wherever it is told to", async () => {
  const { documents, write } = setUp({
    token: (req) => headerOf(req as express.Request, "if-match")?.replaceAll('"', ""),
  });
  const token = await reserve(documents);
  expect((await write({ "x-session": "s1", "if-match": `"${token}"` })).status).toBe(204);
  expect((await write({ "x-session": "s1", "if-match": `"${token - 1}"` })).status).toBe(412);
});

test("lets nobody pass when nobody can tell: no backend, no session, an item that fails", async () => {
  const { documents, ran, write } = setUp();
  await reserve(documents);
  expect((await write({})).status).toBe(500);
  const wrong = await write({ "x-session": "s1", "reservation-token": "undefined" });
  expect([wrong.status, wrong.body]).toMatchObject([400, { code: "ERR_FLEET_RESERVATION_INPUT" }]);
  await documents.close();
  const away = await write({ "x-session": "s1" });
  expect([away.status, away.body]).toMatchObject([503, { code: "ERR_FLEET_CLOSED" }]);
  const failing = setUp({
    item: () => {
      throw new Error("no such document");
    },
  });
  await reserve(failing.documents);
  expect((await failing.write({ "x-session": "s1" })).status).toBe(500);
  expect([...ran, ...failing.ran]).toEqual([]);
});

test("needs the option item", () => {
  const { documents } = setUp();
  expect(() => documents.require({} as never)).toThrow(/item/);
});
