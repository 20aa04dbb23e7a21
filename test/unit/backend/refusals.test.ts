import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { FakeCluster } from "./fake-cluster.js";
import { failure, FakeServer } from "./fake-server.js";
import { elapse, openBackend, rejection, remember } from "./open-backend.js";

// A server that is there and does not do what it is asked for: the call says why, and so does the state.

let server: FakeServer;
let clock: FakeClock;
beforeEach(async () => {
  server = await FakeServer.start();
  clock = new FakeClock();
});
afterEach(() => server.stop());

interface Warned {
  readonly code: string;
  readonly message: string;
}

async function open(): Promise<{ readonly backend: RedisBackend; readonly warnings: Warned[] }> {
  const warnings: Warned[] = [];
  const backend = openBackend({ nodes: [server.address], clock });
  backend.on("warning", (warning) => warnings.push(warning));
  await backend.ready();
  return { backend, warnings };
}

function write(backend: RedisBackend, deadline = 1_000): Promise<unknown> {
  return backend.run(remember, { keys: { key: "test:room:{a}:x" }, args: { operation: "op" } }, { deadline });
}

function refuseScripts(message: string): void {
  server.answer(([name]) => (name?.startsWith("EVAL") === true ? failure(message) : undefined));
}

describe("access that is denied to a call", () => {
  test("makes the backend degraded for half a minute, and is warned of once, with the line for the access list", async () => {
    const { backend, warnings } = await open();
    refuseScripts("NOPERM this user has no permissions to run the 'eval' command");
    expect((await rejection(write(backend))).code).toBe("ERR_FLEET_PERMISSION");
    await rejection(write(backend));
    expect(backend.state).toBe("degraded");
    expect(warnings.map(({ code }) => code)).toEqual(["WARN_FLEET_PERMISSION"]);
    expect(warnings[0]?.message).toContain("~test:* &test:* +get");
    server.answer(() => undefined);
    await elapse(clock, 30_000, 1_000);
    expect(backend.state).toBe("ready");
  });

  test.each([
    ["plainly", "ERR unknown command `EVAL`, with args beginning with: "],
    ["in a script of Redis 7", "ERR Unknown Redis command called from script script: abc, on @user_script:1."],
    [
      "in a script of Redis 5",
      "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: Unknown Redis command called from Lua script",
    ],
  ])("is what a command means that the server does not know, %s", async (_where, message) => {
    const { backend } = await open();
    refuseScripts(message);
    const error = await rejection(write(backend));
    expect(error).toMatchObject({ code: "ERR_FLEET_PERMISSION", help: expect.stringContaining("the user needs") });
  });
});

describe("a refusal that lasts until somebody does something", () => {
  test.each(["NOREPLICAS Not enough good replicas to write.", "BUSY Redis is busy running a script."])(
    "makes the backend degraded and says so: %s",
    async (message) => {
      const { backend } = await open();
      const reasons: string[] = [];
      backend.on("state", ({ to, reason }) => reasons.push(`${to}: ${reason}`));
      refuseScripts(message);
      const call = rejection(write(backend));
      await until(() => backend.state === "degraded", { what: "the refusal to be noticed" });
      expect(reasons[0]).toMatch(/^degraded: 127\.0\.0\.1:\d+ refuses for the time being: [A-Z]+$/);
      await elapse(clock, 1_000, 50);
      expect(((await call).cause as Error).message).toBe(message);
    },
  );
});

test("INFO that is refused is warned of once", async () => {
  server.answer(([name]) => (name === "INFO" ? failure("NOPERM no permission") : undefined));
  const { warnings } = await open();
  await elapse(clock, 1_000);
  server.reset();
  await elapse(clock, 1_000, 50);
  await until(() => server.accepted === 2, { what: "the next connection" });
  expect(warnings.map(({ code }) => code)).toEqual(["WARN_FLEET_INFO_REFUSED"]);
});

test("ASKING that is refused is the error, and not the redirects that follow from it", async () => {
  const cluster = await FakeCluster.start(2, [0, 16_383, 0]);
  const backend = cluster.open(clock);
  await backend.ready();
  for (const index of [0, 1]) {
    cluster.answer(index, ([name]) => {
      if (name === "ASKING") return failure("NOPERM this user has no permissions to run the 'asking' command");
      return name?.startsWith("EVAL") === true ? failure(`ASK 1 127.0.0.1:${cluster.at(1 - index).port}`) : undefined;
    });
  }
  const call = rejection(write(backend));
  await elapse(clock, 1_000, 50);
  const error = await call;
  expect(error.code).toBe("ERR_FLEET_PERMISSION");
  expect(error.message).toContain("'asking'");
});
