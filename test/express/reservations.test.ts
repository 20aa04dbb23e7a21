import { request as httpRequest, type IncomingMessage } from "node:http";
import express from "express";
import { describe, expect, onTestFinished, test } from "vitest";
import { createFleet, type Fleet, type FleetOptions } from "../../src/index.js";
import type { Registry, RegistryOptions } from "../../src/reservations/index.js";
import { HttpClient } from "../support/http-client.js";
import { until } from "../support/until.js";
import { secret, serve, sessionOf, sessionOver, versions } from "./support.js";

interface Instance {
  readonly fleet: Fleet;
  readonly documents: Registry;
  readonly origin: string;
}

let names = 0;

/** A name of a memory that only the instances of one test share. */
function anotherMemory(): string {
  return `reservations-express-${(names += 1)}`;
}

async function start(
  make: typeof express,
  memory: string,
  options: RegistryOptions = {},
  more: FleetOptions = {},
): Promise<Instance> {
  const fleet = createFleet({ backend: { memory }, logger: false, ...more });
  const documents = fleet.reservations.define("document", options);
  const app = make();
  app.use(express.json());
  app.use(fleet.sessions.middleware({ secret }));
  app.post("/login/:user", (req, res, next) => {
    req.session.regenerate((error: unknown) => {
      if (error) return next(error);
      sessionOf(req)["user"] = req.params.user;
      res.json({});
    });
  });
  app.post("/logout", (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.json({}))));
  const owner = (req: express.Request): string | undefined => sessionOf(req)["user"] as string | undefined;
  app.use("/reservations", documents.router({ owner, can: () => true }));
  app.put(
    "/documents/:id",
    documents.require({ item: (req: express.Request) => req.params["id"] as string }),
    (_req, res) => {
      res.sendStatus(204);
    },
  );
  const { origin, close } = await serve(app);
  onTestFinished(async () => {
    await close();
    await fleet.close();
  });
  return { fleet, documents, origin };
}

/** A browser that is signed in, at one instance after another. */
async function signIn(origin: string, user: string): Promise<HttpClient> {
  const browser = new HttpClient(origin);
  onTestFinished(() => browser.close());
  expect((await browser.request({ method: "POST", path: `/login/${user}` })).status).toBe(200);
  return browser;
}

function at(origin: string, browser: HttpClient): HttpClient {
  const other = new HttpClient(origin);
  onTestFinished(() => other.close());
  for (const [name, value] of browser.cookies) other.cookies.set(name, value);
  return other;
}

async function send(browser: HttpClient, path: string, body: object = {}): Promise<{ status: number; body: any }> {
  const { status, text } = await browser.request({ method: "POST", path, body });
  return { status, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
}

interface Stream {
  readonly events: { readonly id: string; readonly event: string; readonly data: any }[];
  readonly ended: () => boolean;
  close(): void;
}

/** What an `EventSource` does, but reconnecting. */
async function listen(origin: string, browser: HttpClient, lastEventId?: string): Promise<Stream> {
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = { cookie, ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = httpRequest(`${origin}/reservations/events`, { headers, agent: false }, resolve);
    outgoing.on("error", reject);
    outgoing.end();
  });
  expect(response.statusCode).toBe(200);
  const events: Stream["events"] = [];
  let text = "";
  let ended = false;
  response.on("end", () => (ended = true));
  response.on("error", () => (ended = true));
  response.setEncoding("utf8").on("data", (chunk: string) => {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
      const event = fields.get("event");
      if (event === undefined) continue;
      events.push({ id: fields.get("id") ?? "", event, data: JSON.parse(fields.get("data") ?? "null") as unknown });
    }
  });
  onTestFinished(() => void response.destroy());
  return { events, ended: () => ended, close: () => void response.destroy() };
}

describe.each(versions)("reservations on $version", ({ make }) => {
  test("are kept through regenerate, with their token, on whichever instance", async () => {
    const memory = anotherMemory();
    const [one, two] = [await start(make, memory), await start(make, memory)];
    const browser = await signIn(one.origin, "anna");
    const { body } = await send(browser, "/reservations/reserve", { item: "42" });
    const before = browser.cookies.get("sid");
    await send(browser, "/login/anna");
    expect(browser.cookies.get("sid")).not.toBe(before);
    const there = at(two.origin, browser);
    expect((await send(there, "/reservations/heartbeat", { item: "42", token: body.token })).status).toBe(200);
    const write = await there.request({ method: "PUT", path: "/documents/42" });
    expect(write.status).toBe(204);
    // The cookie from before has nothing any more, not even a user.
    const old = new HttpClient(two.origin);
    onTestFinished(() => old.close());
    old.cookies.set("sid", before as string);
    expect((await send(old, "/reservations/heartbeat")).status).toBe(401);
    expect((await old.request({ method: "PUT", path: "/documents/42" })).status).toBe(423);
  });

  test("end at the logout, before its answer, on every instance", async () => {
    const memory = anotherMemory();
    const [one, two] = [await start(make, memory), await start(make, memory)];
    const browser = await signIn(one.origin, "anna");
    await send(browser, "/reservations/reserve", { items: ["1", "2"] });
    const ben = await signIn(two.origin, "ben");
    expect((await send(ben, "/reservations/reserve", { item: "1" })).status).toBe(423);
    await send(at(two.origin, browser), "/logout");
    expect((await one.documents.page()).reservations).toEqual([]);
    expect((await send(ben, "/reservations/reserve", { item: "1" })).status).toBe(201);
    expect((await send(browser, "/reservations/heartbeat")).status).toBe(401);
  });

  test("show the holder to others, and the name of a session only to itself", async () => {
    const one = await start(make, anotherMemory());
    const [anna, ben] = [await signIn(one.origin, "anna"), await signIn(one.origin, "ben")];
    const { body } = await send(anna, "/reservations/reserve", { item: "42" });
    expect(body.session).toMatch(/^[\w-]{22}$/);
    expect(anna.cookies.get("sid")).not.toContain(body.session);
    const shown = await ben.request({ path: "/reservations/42" });
    expect(JSON.parse(shown.text)).toMatchObject({ owner: { id: "anna" }, mine: false });
    expect(shown.text).not.toContain(body.session);
  });

  test("stream their changes, and go on with them on another instance", async () => {
    const memory = anotherMemory();
    const [one, two] = [await start(make, memory), await start(make, memory)];
    const [anna, ben] = [await signIn(one.origin, "anna"), await signIn(two.origin, "ben")];
    const first = await listen(one.origin, ben);
    await until(() => first.events.length > 0, { what: "the beginning" });
    expect(first.events).toMatchObject([{ event: "reset" }]);
    const { body } = await send(anna, "/reservations/reserve", { item: "42", reason: "proof-reading" });
    await until(() => first.events.length > 1, { what: "the change" });
    expect(first.events[1]).toMatchObject({
      event: "change",
      data: {
        kind: "reserved",
        item: "42",
        reservation: { owner: { id: "anna" }, reason: "proof-reading", mine: false },
      },
    });
    expect(JSON.stringify(first.events)).not.toContain(body.session);
    first.close();
    // While nobody listened.
    await send(ben, "/reservations/42/steal", { reason: "urgent" });
    await send(ben, "/reservations/release", { item: "42" });
    const second = await listen(two.origin, ben, first.events[1]?.id);
    await until(() => second.events.length >= 2, { what: "what was missed" });
    await send(anna, "/reservations/reserve", { item: "7" });
    await until(() => second.events.length >= 3, { what: "what came then" });
    expect(second.events.map(({ event, data }) => [event, data.kind, data.item])).toEqual([
      ["change", "stolen", "42"],
      ["change", "released", "42"],
      ["change", "reserved", "7"],
    ]);
  });

  test("let a browser list anew whose last event is not known any more", async () => {
    const one = await start(make, anotherMemory());
    const anna = await signIn(one.origin, "anna");
    const known = await listen(one.origin, anna);
    await until(() => known.events.length > 0, { what: "the beginning" });
    const id = known.events[0]?.id as string;
    const [position = ""] = id.split(".");
    for (const unknown of ["1-1.abcdefgh", `${position}.abcdefgh`, "nonsense"]) {
      const stream = await listen(one.origin, anna, unknown);
      await until(() => stream.events.length > 0, { what: "an answer" });
      expect(stream.events).toMatchObject([{ id, event: "reset" }]);
    }
    const same = await listen(one.origin, anna, id);
    await send(anna, "/reservations/reserve", { item: "1" });
    await until(() => same.events.length > 0, { what: "a change" });
    expect(same.events[0]?.event).toBe("change");
  });
});

test("with a store for express-session they end and move as well", async () => {
  const fleet = createFleet({ backend: { memory: anotherMemory() }, logger: false });
  const documents = fleet.reservations.define("document");
  const app = express();
  app.use(sessionOver(fleet.sessions.store()));
  app.post("/regenerate", (req, res, next) => {
    req.session.regenerate((error: unknown) => {
      if (error) return next(error);
      sessionOf(req)["user"] = "anna";
      res.json({});
    });
  });
  app.post("/destroy", (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.json({}))));
  app.use("/reservations", documents.router({ owner: (req: express.Request) => sessionOf(req)["user"] as string }));
  const { origin, close } = await serve(app);
  onTestFinished(async () => {
    await close();
    await fleet.close();
  });
  const browser = new HttpClient(origin);
  onTestFinished(() => browser.close());
  await send(browser, "/regenerate");
  const { body } = await send(browser, "/reservations/reserve", { item: "1" });
  await send(browser, "/regenerate");
  expect((await send(browser, "/reservations/heartbeat", { item: "1", token: body.token })).status).toBe(200);
  await send(browser, "/destroy");
  expect(await documents.get("1")).toBeUndefined();
});

test("streams end when the instance does, and new ones do when they are up to date", async () => {
  const memory = anotherMemory();
  const [one, two] = [await start(express, memory), await start(express, memory)];
  const anna = await signIn(one.origin, "anna");
  const stream = await listen(one.origin, anna);
  await until(() => stream.events.length > 0, { what: "the beginning" });
  const closed = one.fleet.close({ preStop: "1s" });
  await until(() => stream.ended(), { what: "the end of the stream" });
  await send(at(two.origin, anna), "/reservations/reserve", { item: "1" });
  const late = await listen(one.origin, anna, stream.events[0]?.id);
  await until(() => late.ended(), { what: "the end of the late stream" });
  expect(late.events).toMatchObject([{ event: "change", data: { item: "1" } }]);
  await closed;
});

test("nothing is released when an instance closes", async () => {
  const memory = anotherMemory();
  const [one, two] = [await start(express, memory), await start(express, memory)];
  const anna = await signIn(one.origin, "anna");
  await send(anna, "/reservations/reserve", { item: "1" });
  await one.fleet.close();
  expect(await two.documents.get("1")).toMatchObject({ owner: { id: "anna" } });
});

test("a room with a backend of its own keeps them there, and tells of changes from there", async () => {
  const [memory, own] = [anotherMemory(), anotherMemory()];
  const backends = { reservations: { memory: own } };
  const one = await start(express, memory, {}, { backends });
  const two = await start(express, memory, {}, { backends });
  const other = await start(express, memory);
  const changes: unknown[] = [];
  two.documents.on("change", ({ item }) => void changes.push(item));
  await two.documents.following();
  const anna = await signIn(one.origin, "anna");
  await send(anna, "/reservations/reserve", { item: "1" });
  await until(() => changes.length > 0, { what: "the change" });
  expect(await other.documents.get("1")).toBeUndefined();
  expect(one.fleet.stats()).toMatchObject({ reservations: { reserved: 1 } });
});

test("what instances are set to is part of what health tells of their settings", async () => {
  const memory = anotherMemory();
  const settings = async (options?: RegistryOptions): Promise<string> => {
    const fleet = createFleet({ backend: { memory }, logger: false });
    onTestFinished(() => fleet.close());
    if (options !== undefined) fleet.reservations.define("document", options);
    return fleet.health.ready().settings;
  };
  const [none, usual, same, longer] = [
    await settings(),
    await settings({}),
    await settings({ lease: "1m" }),
    await settings({ lease: "2m" }),
  ];
  expect(usual).toBe(same);
  expect(new Set([none, usual, longer]).size).toBe(3);
});
