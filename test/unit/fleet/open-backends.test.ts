import { describe, expect, onTestFinished, test } from "vitest";
import { backendHealth } from "../../../src/backend-health.js";
import type { AnyBackend, BackendEvents, BackendState } from "../../../src/backend/backend.js";
import type { BackendConfig, RedisBackendConfig } from "../../../src/config/backend-config.js";
import { systemClock } from "../../../src/core/clock.js";
import { Emitter } from "../../../src/core/events.js";
import { FleetBackends, openBackends, type FleetEvents } from "../../../src/open-backends.js";
import { freePort } from "../../support/servers/free-port.js";
import { startSingle, type SingleTopology } from "../../support/servers/single.js";
import { until } from "../../support/until.js";
import { rejection, remember } from "../backend/open-backend.js";

function single(port: number, more: Partial<RedisBackendConfig> = {}): RedisBackendConfig {
  const timeouts = { connect: 5_000, command: 8_000, start: 10_000 };
  return { kind: "single", nodes: [{ host: "127.0.0.1", port }], database: 0, maxPending: 10_000, timeouts, ...more };
}

const impatient = { timeouts: { connect: 200, command: 8_000, start: 300 } };

async function server(options: Parameters<typeof startSingle>[0] = {}): Promise<SingleTopology> {
  const redis = await startSingle(options);
  onTestFinished(() => redis.stop());
  return redis;
}

function open(backend: BackendConfig, sessions?: BackendConfig): FleetBackends {
  const backends = openBackends({
    config: {
      backend,
      namespace: "test",
      instance: "one",
      ...(sessions === undefined ? {} : { backends: { sessions } }),
    },
    instanceId: "one",
    clock: systemClock,
    onListenerError: (error) => {
      throw error;
    },
  });
  onTestFinished(async () => void (await Promise.all(backends.all.map((each) => each.backend.close()))));
  return backends;
}

/** The connections of these backends at a server. */
async function connections({ server: redis }: SingleTopology): Promise<number> {
  return String(await redis.command("CLIENT", "LIST")).split("name=test:command:one").length - 1;
}

test("a room that names no backend uses the default one, and nothing is opened twice", async () => {
  const redis = await server();
  const backends = open(single(redis.server.port));
  await backends.ready();
  expect(backends.all).toEqual([{ room: undefined, backend: backends.default }]);
  expect(backends.of("sessions")).toBe(backends.default);
  expect(backends.statsOfRooms()).toEqual({});
  expect(await connections(redis)).toBe(1);
});

test("a room with a backend of its own has its own connection, server and counters", async () => {
  const [shared, own] = await Promise.all([server(), server()]);
  const backends = open(single(shared.server.port), single(own.server.port));
  await backends.ready();
  expect(await Promise.all([shared, own].map(connections))).toEqual([1, 1]);
  const sessions = backends.of("sessions");
  if (sessions.kind === "memory") throw new Error("the room's backend is not the one that was named");
  await sessions.run(remember, { keys: { key: "test:sessions:{1}:s:x" }, args: { operation: "a" } });
  expect(await own.server.command("KEYS", "*")).toEqual(["test:sessions:{1}:s:x"]);
  expect(await shared.server.command("DBSIZE")).toBe(0);
  expect(backends.statsOfRooms()).toMatchObject({ sessions: { calls: 1 } });
  expect(backends.default.stats().calls).toBe(0);
  expect(backends.all.map((each) => [backendHealth(each).name, backendHealth(each).check().detail?.["kind"]])).toEqual([
    ["backend", "single"],
    ["backend:sessions", "single"],
  ]);
});

describe("ready", () => {
  test("waits for every backend", async () => {
    const [redis, port] = await Promise.all([server(), freePort()]);
    const backends = open(single(redis.server.port), single(port));
    let isReady = false;
    const ready = backends.ready().then(() => (isReady = true));
    await until(() => backends.default.state === "ready", { what: "the default backend" });
    expect([isReady, backends.state]).toEqual([false, "starting"]);
    await server({ port });
    await ready;
    expect(backends.state).toBe("ready");
  });

  test("rejects with the diagnosis of the room's backend, by name", async () => {
    const redis = await server();
    const own = await server({ password: "right" });
    const backends = open(single(redis.server.port), single(own.server.port, { ...impatient, password: "wrong" }));
    const error = await rejection(backends.ready());
    const direct = await rejection(backends.of("sessions").ready());
    expect(error.message).toBe(`sessions: ${direct.message}`);
    expect(error).toMatchObject({ code: direct.code, help: direct.help, cause: direct.cause });
    expect(error.message).toContain(`127.0.0.1:${own.server.port} refuses the credentials`);
    expect(backends.state).toBe("fatal");
  });

  test("rejects with the diagnosis of the default backend as it is", async () => {
    const backends = open(single(await freePort(), impatient), { kind: "memory" });
    const error = await rejection(backends.ready());
    expect(error.message).toMatch(/^the single backend was not ready within 300 ms/);
  });

  test("rejects when one is closed", async () => {
    const backends = open({ kind: "memory" }, { kind: "memory" });
    await backends.ready();
    await backends.of("sessions").close();
    expect(await rejection(backends.ready())).toMatchObject({ code: "ERR_FLEET_CLOSED" });
  });
});

/** A backend as far as its fleet looks at it. */
class Stub {
  readonly reported: unknown[] = [];
  readonly events = new Emitter<BackendEvents>((error) => this.reported.push(error));
  drained = 0;
  readonly #state: BackendState;

  constructor(state: BackendState) {
    this.#state = state;
  }

  get backend(): AnyBackend {
    const stub = {
      state: this.#state,
      on: this.events.on.bind(this.events),
      drain: () => (this.drained += 1),
    };
    return stub as unknown as AnyBackend;
  }
}

function pair(states: readonly [BackendState, BackendState] = ["ready", "ready"]) {
  const stubs = states.map((state) => new Stub(state)) as [Stub, Stub];
  const backends = new FleetBackends(stubs[0].backend, [{ room: "sessions", backend: stubs[1].backend }]);
  return { backends, stubs };
}

test("the state is the worst one, and closed only when all are", () => {
  const order: readonly BackendState[] = ["ready", "degraded", "starting", "down", "fatal", "draining"];
  for (const [at, better] of order.entries()) {
    for (const worse of order.slice(at)) {
      expect(pair([better, worse]).backends.state).toBe(worse);
      expect(pair([worse, better]).backends.state).toBe(worse);
    }
    expect(pair([better, "closed"]).backends.state).toBe(better);
  }
  expect(pair(["closed", "closed"]).backends.state).toBe("closed");
});

describe("on", () => {
  const payloads: BackendEvents = {
    state: { from: "ready", to: "down", reason: "tests" },
    failover: { from: "a:1", to: "b:2" },
    topology: { kind: "single", nodes: [] },
    gap: { from: 1, to: 2, reason: "tests" },
    warning: { code: "WARN_FLEET_TEST", message: "tests" },
  };

  test.each(Object.keys(payloads) as (keyof BackendEvents)[])("hears %s of all, and whose it is", (event) => {
    const { backends, stubs } = pair();
    const heard: FleetEvents[keyof FleetEvents][] = [];
    const end = backends.on(event, (payload) => void heard.push(payload));
    stubs[0].events.emit(event, payloads[event]);
    stubs[1].events.emit(event, payloads[event]);
    expect(heard).toEqual([payloads[event], { ...payloads[event], room: "sessions" }]);
    end();
    for (const { events } of stubs) events.emit(event, payloads[event]);
    expect(heard).toHaveLength(2);
  });

  test("a listener that fails, at once or later, is reported whichever backend it heard", async () => {
    const { backends, stubs } = pair();
    backends.on("gap", () => {
      throw new Error("at once");
    });
    backends.on("gap", async () => Promise.reject(new Error("later")));
    for (const { events } of stubs) events.emit("gap", payloads.gap);
    await until(() => stubs.every(({ reported }) => reported.length === 2), { what: "the failures" });
  });
});

test("drain reaches every backend", () => {
  const { backends, stubs } = pair();
  backends.drain();
  expect(stubs.map(({ drained }) => drained)).toEqual([1, 1]);
});
