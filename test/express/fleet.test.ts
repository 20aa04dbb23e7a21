import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import express from "express";
import { afterEach, describe, test, vi } from "vitest";
import { ConfigError, createFleet, type Fleet, type FleetOptions, type Logger } from "../../src/index.js";
import { startChild } from "../support/child.js";
import { HttpClient } from "../support/http-client.js";
import { freePort } from "../support/servers/free-port.js";
import { startSingle } from "../support/servers/single.js";
import { until } from "../support/until.js";

const secret = "a secret of at least thirty-two bytes, for tests";
const fleets: Fleet[] = [];
const servers: Server[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

function fleetWith(options: FleetOptions = {}): Fleet {
  const fleet = createFleet({ backend: "memory", logger: false, ...options });
  fleets.push(fleet);
  return fleet;
}

interface Line {
  readonly code: string;
  readonly message: string;
}

function recordingLogger(): { readonly logger: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const write = (fields: object, message: string): void =>
    void lines.push({ code: (fields as { code?: string }).code ?? "", message });
  return { logger: { debug: write, info: write, warn: write, error: write }, lines };
}

async function listen(
  handler: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<{ server: Server; port: number }> {
  const server = createServer(handler);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

describe("createFleet", () => {
  test("says in one line what was chosen and from where", () => {
    const { logger, lines } = recordingLogger();
    fleetWith({ logger, namespace: "shop" });
    const start = lines.find(({ code }) => code === "INFO_FLEET_START");
    assert.match(start?.message ?? "", /memory.*shop/);
  });

  test("throws in production when no backend is named, with the variables it looked for", () => {
    vi.stubEnv("NODE_ENV", "production");
    vi.stubEnv("FLEET_BACKEND", undefined);
    vi.stubEnv("REDIS_URL", undefined);
    vi.stubEnv("CLUSTER_ENABLED", undefined);
    assert.throws(
      () => createFleet({ logger: false }),
      (error: unknown) =>
        error instanceof ConfigError &&
        error.code === "ERR_FLEET_BACKEND_REQUIRED" &&
        /FLEET_BACKEND/.test(`${error.message} ${error.help ?? ""}`),
    );
  });

  test("refuses an option that it does not know, and names the nearest", () => {
    assert.throws(() => createFleet({ backend: "memory", logger: false, namspace: "x" } as FleetOptions), /namespace/);
  });

  test("leaves nothing open when it throws", async () => {
    const redis = await startSingle();
    try {
      const child = startChild(fileURLToPath(new URL("./fixtures/refuse-and-end.mjs", import.meta.url)), {
        environment: { FLEET_BACKEND: `redis://127.0.0.1:${redis.server.port}` },
        lifetime: 10_000,
      });
      const { code, overdue } = await child.exited;
      assert.deepEqual([code, overdue], [0, false], child.stderr);
      assert.deepEqual(child.messages, [{ code: "ERR_FLEET_SESSION_OPTION" }]);
    } finally {
      await redis.stop();
    }
  });

  test("fleets of one process that name the same memory share it; others do not", async () => {
    const [one, two, stranger] = [{ memory: "shared" }, { memory: "shared" }, { memory: "other" }].map((backend) => {
      const app = express();
      app.use(fleetWith({ backend }).sessions.middleware({ secret }));
      app.get("/", (req, res) => {
        const session = (req as unknown as { session: { visits?: number } }).session;
        session.visits = (session.visits ?? 0) + 1;
        res.json(session.visits);
      });
      return app;
    });
    const ports = await Promise.all([one, two, stranger].map((app) => listen(app as express.Express)));
    const visits: string[] = [];
    let cookie = "";
    for (const { port } of ports) {
      const response = await fetch(`http://127.0.0.1:${port}/`, cookie === "" ? {} : { headers: { cookie } });
      visits.push(await response.text());
      cookie ||= (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    }
    assert.deepEqual(visits, ["1", "2", "1"]);
  });

  test("starts before its Redis, and heals by itself", async () => {
    const port = await freePort();
    const fleet = fleetWith({ backend: `redis://127.0.0.1:${port}` });
    const store = fleet.sessions.store();
    const loaded = new Promise((resolve, reject) => {
      store.get("nobody", (error: unknown, session: unknown) => (error ? reject(error as Error) : resolve(session)));
    });
    assert.equal(fleet.state, "starting");
    assert.equal(fleet.health.ready().status, "fail");
    const states: string[] = [];
    fleet.on("state", ({ to }) => states.push(to));
    const redis = await startSingle({ port });
    try {
      assert.equal(await loaded, null);
      await fleet.ready();
      assert.deepEqual(states, ["ready"]);
      assert.equal(fleet.health.ready().status, "pass");
      assert.equal(fleet.topology().nodes[0]?.port, port);
      assert.ok(fleet.stats().backend.calls >= 1);
      assert.deepEqual(fleet.stats().backends, {});
    } finally {
      await redis.stop();
    }
  });
});

describe("settings in readiness", () => {
  /** What `/healthz/ready` says of an instance that has made its middleware. */
  async function settingsOf(options: FleetOptions, signing: string | string[] = secret): Promise<string> {
    const fleet = fleetWith(options);
    const app = express();
    app.use("/healthz", fleet.health.router());
    app.use(fleet.sessions.middleware({ secret: signing }));
    const { port } = await listen(app as express.Express);
    const client = new HttpClient(`http://127.0.0.1:${port}`);
    const { status, text } = await client.request({ path: "/healthz/ready" });
    client.close();
    const { settings } = JSON.parse(text) as { settings: string };
    assert.equal(status, options.backend === "memory" ? 200 : 503);
    assert.equal(settings, fleet.health.ready().settings);
    return settings;
  }

  // Nobody answers there: the value needs no backend.
  const backend = "redis+cluster://127.0.0.1:1,127.0.0.1:2";

  test("are the same for instances that are set up alike, and others where it matters", async () => {
    const usual = await settingsOf({ backend });
    assert.match(usual, /^[\w-]{16}$/);
    vi.stubEnv("FLEET_INSTANCE", "another");
    vi.stubEnv("REDIS_URL", '[{"host":"127.0.0.1","port":2},{"host":"127.0.0.1","port":1}]');
    assert.equal(await settingsOf({ backend: undefined }), usual);
    const others = await Promise.all([
      settingsOf({ backend: "redis+cluster://127.0.0.1:1" }),
      settingsOf({ backend, namespace: "other" }),
      settingsOf({ backend, sessions: { idle: "2h" } }),
      settingsOf({ backend }, ["another secret of at least thirty-two bytes", secret]),
    ]);
    assert.equal(new Set([usual, ...others]).size, 5);
  });

  test("are others for two instances that are each in memory of their own", async () => {
    assert.notEqual(await settingsOf({ backend: "memory" }), await settingsOf({ backend: "memory" }));
  });

  test("are complete once the middleware is there", async () => {
    const fleet = fleetWith({ backend });
    const before = fleet.health.ready().settings;
    fleet.sessions.middleware({ secret });
    assert.notEqual(fleet.health.ready().settings, before);
    assert.equal(fleet.health.ready().settings, await settingsOf({ backend }));
  });
});

describe("close", () => {
  test("turns readiness to 503 at once and the fleet serves on for preStop", async () => {
    const fleet = fleetWith();
    const app = express();
    app.use("/healthz", fleet.health.router());
    app.use(fleet.sessions.middleware({ secret }));
    app.get("/", (_req, res) => void res.send("served"));
    const { server, port } = await listen(app);
    const client = new HttpClient(`http://127.0.0.1:${port}`);
    assert.equal((await client.request({ path: "/healthz/ready" })).status, 200);
    const closing = fleet.close({ server, preStop: 300 });
    const ready = await client.request({ path: "/healthz/ready" });
    const served = await client.request({ path: "/" });
    client.close();
    assert.equal(ready.status, 503);
    assert.deepEqual([served.status, served.text, served.headers.connection], [200, "served", "close"]);
    await closing;
    assert.equal(server.listening, false);
    assert.equal(fleet.state, "closed");
  });

  test("waits for a request that runs, with its save, and closes idle keep-alive connections", async () => {
    const fleet = fleetWith({ backend: { memory: "close-waits" } });
    const other = fleetWith({ backend: { memory: "close-waits" } });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let entered = (): void => undefined;
    const running = new Promise<void>((resolve) => (entered = resolve));
    const app = express();
    app.use(fleet.sessions.middleware({ secret }));
    app.get("/quick", (_req, res) => void res.send("quick"));
    app.get("/slow", async (req, res) => {
      entered();
      await held;
      (req as unknown as { session: { done: boolean } }).session.done = true;
      res.send("done");
    });
    const { server, port } = await listen(app);
    const agent = new Agent({ keepAlive: true });
    const idle = new HttpClient(`http://127.0.0.1:${port}`);
    await idle.request({ path: "/quick" });
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      get({ port, host: "127.0.0.1", path: "/slow", agent }, resolve).once("error", reject);
    });
    await running;
    let closed = false;
    const closing = fleet.close({ server }).then(() => (closed = true));
    await until(() => !server.listening, { what: "the server to stop listening" });
    assert.equal(closed, false);
    const released = performance.now();
    release();
    const response = await answer;
    response.resume();
    await closing;
    assert.ok(performance.now() - released < 5_000, "an idle connection was waited for");
    agent.destroy();
    idle.close();
    assert.equal(response.statusCode, 200);
    const cookie = (response.headers["set-cookie"] ?? [])[0]?.split(";")[0] ?? "";
    const view = express();
    view.use(other.sessions.middleware({ secret }));
    view.get("/", (req, res) => void res.json((req as unknown as { session: { done?: boolean } }).session.done));
    const { port: second } = await listen(view);
    assert.equal(await (await fetch(`http://127.0.0.1:${second}/`, { headers: { cookie } })).text(), "true");
  });

  test("cuts off what has not ended within grace", async () => {
    const fleet = fleetWith();
    const { server, port } = await listen(() => undefined);
    const hanging = new Promise<Error>((resolve) => {
      get({ port, host: "127.0.0.1", path: "/", agent: false }).once("error", resolve);
    });
    await once(server, "request");
    await fleet.close({ server, grace: 50 });
    assert.equal(((await hanging) as NodeJS.ErrnoException).code, "ECONNRESET");
  });

  test("is idempotent, never rejects, and reports a duration that it cannot read", async () => {
    const { logger, lines } = recordingLogger();
    const fleet = fleetWith({ logger });
    const first = fleet.close({ grace: "soon" as never });
    assert.equal(fleet.close(), first);
    await first;
    assert.ok(lines.some(({ code }) => code === "ERR_FLEET_CONFIG_DURATION"));
    await assert.rejects(fleet.ready(), { code: "ERR_FLEET_CLOSED" });
  });

  test("a call that waits for an absent Redis fails at once when it begins", async () => {
    const fleet = fleetWith({ backend: `redis://127.0.0.1:${await freePort()}` });
    const failed = new Promise<{ code?: string; executed?: string }>((resolve) => {
      fleet.sessions.store().get("nobody", (error: unknown) => resolve(error as { code?: string }));
    });
    await until(() => fleet.stats().backend.pending === 1, { what: "the call to wait" });
    await fleet.close();
    const { code, executed } = await failed;
    assert.deepEqual([code, executed], ["ERR_FLEET_CLOSED", "no"]);
  });

  for (const [what, backend] of [
    ["memory", "memory"],
    ["Redis away", "redis://127.0.0.1:1"],
  ] as const) {
    test(`the process ends by itself afterwards (${what})`, async () => {
      const child = startChild(fileURLToPath(new URL("./fixtures/close-and-end.mjs", import.meta.url)), {
        environment: { FLEET_BACKEND: backend },
        lifetime: 15_000,
      });
      const { code, overdue } = await child.exited;
      assert.deepEqual([code, overdue], [0, false], child.stderr);
      const { afterClose } = child.messages[0] as { afterClose: number };
      assert.ok(afterClose < 2_000, `${afterClose} ms after close() resolved`);
    });
  }
});
