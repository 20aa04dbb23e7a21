import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, afterEach, beforeAll, describe, test, vi } from "vitest";
import { createFleet, type Fleet, type FleetOptions } from "../../src/index.js";
import { HttpClient } from "../support/http-client.js";
import { freePort } from "../support/servers/free-port.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";

const secret = "a secret of at least thirty-two bytes, for tests";
const fleets: Fleet[] = [];
const servers: Server[] = [];
let shared: SingleTopology;
let own: SingleTopology;

beforeAll(async () => {
  [shared, own] = await Promise.all([startSingle(), startSingle()]);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  await Promise.all([shared, own].map((redis) => redis.server.command("FLUSHALL")));
});
afterAll(async () => {
  await Promise.all([shared, own].map((redis) => redis?.stop()));
});

const urlOf = (redis: SingleTopology): string => `redis://127.0.0.1:${redis.server.port}`;

function fleetWith(options: FleetOptions & { readonly backends?: { readonly sessions: string } }): Fleet {
  const fleet = createFleet({ logger: false, ...options });
  fleets.push(fleet);
  return fleet;
}

/** Serves an app that counts the visits of a session, and its health. */
async function serve(fleet: Fleet): Promise<HttpClient> {
  const app = express();
  app.use("/healthz", fleet.health.router());
  app.use(fleet.sessions.middleware({ secret }));
  app.get("/", (req, res) => {
    const session = (req as unknown as { session: { visits?: number } }).session;
    session.visits = (session.visits ?? 0) + 1;
    res.json(session.visits);
  });
  const server = createServer(app as express.Express);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new HttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const connectionsTo = async (redis: SingleTopology): Promise<number> =>
  String(await redis.server.command("CLIENT", "LIST")).split(" name=fleet:").length - 1;

describe.each<[how: string, make: () => Fleet]>([
  ["in code", () => fleetWith({ backend: urlOf(shared), backends: { sessions: urlOf(own) } })],
  [
    "by FLEET_SESSIONS_BACKEND",
    () => {
      vi.stubEnv("FLEET_SESSIONS_BACKEND", urlOf(own));
      return fleetWith({ backend: urlOf(shared) });
    },
  ],
])("sessions with a backend of their own, named %s", (_how, make) => {
  test("live there, shared by the instances, and each backend shows in health and stats", async () => {
    const [one, other] = [make(), make()];
    const [first, second] = await Promise.all([serve(one), serve(other)]);
    await Promise.all([one.ready(), other.ready()]);
    assert.equal((await first.request({ path: "/" })).text, "1");
    for (const [name, value] of first.cookies) second.cookies.set(name, value);
    assert.equal((await second.request({ path: "/" })).text, "2");
    assert.match(String(await own.server.command("KEYS", "*")), /^fleet:sessions:/);
    assert.deepEqual(await shared.server.command("KEYS", "*:sessions:*"), []);

    const health = JSON.parse((await first.request({ path: "/healthz/ready" })).text) as {
      checks: object;
      settings: string;
    };
    assert.deepEqual(Object.keys(health.checks), ["backend", "backend:sessions"]);
    assert.equal(health.settings, other.health.ready().settings);
    assert.ok((one.stats().backends.sessions?.calls ?? 0) > 0);
    assert.equal(one.topology().nodes[0]?.port, shared.server.port);
    first.close();
    second.close();
  });

  test("close ends the connections to both", async () => {
    const fleet = make();
    await fleet.ready();
    // The default backend's second one hears of the other instances.
    await until(async () => (await Promise.all([shared, own].map(connectionsTo))).join() === "2,1", {
      what: "the connections to both",
    });
    const ended: string[] = [];
    fleet.on("state", ({ to, room }) => void ended.push(`${room ?? "default"} ${to}`));
    await fleet.close();
    assert.deepEqual(ended, ["default draining", "sessions draining", "sessions closed", "default closed"]);
    assert.equal(fleet.state, "closed");
    await until(async () => (await Promise.all([shared, own].map(connectionsTo))).join() === "0,0", {
      what: "the end",
    });
  });
});

test("an instance whose sessions' backend is away is not ready, says so, and its settings are another's", async () => {
  const away = `redis://127.0.0.1:${await freePort()}`;
  const options = { backend: urlOf(shared), timeouts: { start: 300 } };
  const fleet = fleetWith({ ...options, backends: { sessions: away } });
  await assert.rejects(fleet.ready(), {
    code: "ERR_FLEET_UNAVAILABLE",
    message: /^sessions: the single backend was not/,
  });
  const { status, checks, settings } = fleet.health.ready();
  assert.deepEqual([status, checks["backend"]?.status, checks["backend:sessions"]?.status], ["fail", "pass", "fail"]);
  assert.notEqual(settings, fleetWith(options).health.ready().settings);
});

test("the settings are the same with or without a backend of its own that is the default one", () => {
  const [one, other] = [
    fleetWith({ backend: urlOf(shared) }),
    fleetWith({ backend: urlOf(shared), backends: { sessions: urlOf(shared) } }),
  ];
  assert.equal(one.health.ready().settings, other.health.ready().settings);
});
