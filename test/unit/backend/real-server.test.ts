import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { PermissionError, StorageFullError } from "../../../src/core/errors.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { findServer } from "../../support/servers/find-server.js";
import { startSingle, type SingleTopology } from "../../support/servers/single.js";
import { TcpProxy } from "../../support/tcp-proxy.js";
import { until } from "../../support/until.js";
import { elapse, look, openBackend, rejection, remember, remembered } from "./open-backend.js";

// What only a real server shows: what was executed and what was not.

let topology: SingleTopology;
beforeAll(async () => {
  topology = await startSingle();
});
afterAll(() => topology?.stop());

let number = 0;
let key: string;
beforeEach(() => {
  number += 1;
  key = `test:room:{${number}}:x`;
});

async function proxied(): Promise<TcpProxy> {
  const proxy = await TcpProxy.start({ target: await topology.primary() });
  onTestFinished(() => proxy.stop());
  return proxy;
}

async function open(proxy: TcpProxy, more: Partial<Parameters<typeof openBackend>[0]> = {}): Promise<RedisBackend> {
  const backend = openBackend({ nodes: [proxy], ...more });
  await backend.ready();
  return backend;
}

function write(backend: RedisBackend, operation: string, deadline = 8_000): Promise<readonly ["OK", number]> {
  return backend.run(remember, { keys: { key }, args: { operation } }, { deadline });
}

describe("lost replies", () => {
  test("each call is executed, its reply swallowed, the call sent again and answered, with one effect", async () => {
    const proxy = await proxied();
    const backend = await open(proxy);
    for (let count = 1; count <= 10; count += 1) {
      const lost = proxy.dropReplies(1);
      expect(await write(backend, `op-${count}`)).toEqual(["OK", count]);
      expect(lost).toHaveLength(1);
      expect(lost[0]?.reply).toEqual(["OK", count]);
    }
    expect(await remembered(backend, key)).toMatchObject({ executions: 20 });
    expect(backend.stats()).toMatchObject({ retries: 10, reconnects: 10, pending: 0 });
  });

  test("of many calls at once, all have one effect", async () => {
    const proxy = await proxied();
    const backend = await open(proxy);
    const lost = proxy.dropReplies(3);
    await Promise.all(Array.from({ length: 100 }, (_, index) => write(backend, `op-${index}`)));
    expect(lost).toHaveLength(3);
    const { operations, executions } = await remembered(backend, key);
    expect(new Set(operations).size).toBe(100);
    expect(operations).toHaveLength(100);
    expect(executions).toBeGreaterThanOrEqual(103);
  });

  test("a call that is delivered twice, or late, after others, has one effect", async () => {
    const proxy = await proxied();
    const backend = await open(proxy);
    proxy.deliverTwice(1);
    await write(backend, "twice");
    const held = proxy.deliverLate(1);
    await write(backend, "late");
    await write(backend, "after");
    expect(held).toHaveLength(1);
    await held[0]?.deliver();
    const { operations, executions } = await remembered(backend, key);
    expect(operations).toEqual(["twice", "late", "after"]);
    expect(executions).toBe(5);
  });
});

describe("a stalled connection", () => {
  test("ends calls at their deadline, and what then comes through of them is nothing that was not sent before", async () => {
    const proxy = await proxied();
    const backend = await open(proxy);
    await write(backend, "before");
    proxy.stall();
    const began = performance.now();
    const errors = await Promise.all(
      Array.from({ length: 5 }, (_, index) => rejection(write(backend, `op-${index}`, 300))),
    );
    expect(performance.now() - began).toBeLessThan(1_500);
    for (const error of errors) expect(error).toMatchObject({ code: "ERR_FLEET_TIMEOUT", executed: "maybe" });
    await proxy.pass();
    await write(backend, "after");
    // `maybe` it was: they had left this process, and the server got them when the way was free.
    expect((await remembered(backend, key)).operations).toEqual([
      "before",
      "op-0",
      "op-1",
      "op-2",
      "op-3",
      "op-4",
      "after",
    ]);
    expect(proxy.commandCounts()["EVALSHA"]).toBe(6);
  });

  test("is given up by the heartbeat, and calls go on over the next one", async () => {
    const proxy = await proxied();
    const clock = new FakeClock();
    const backend = await open(proxy, { clock });
    await write(backend, "before");
    proxy.stall();
    const call = write(backend, "during");
    await elapse(clock, 5_000);
    await until(() => backend.state === "degraded", { what: "the heartbeat to miss its answer" });
    await proxy.pass();
    await until(
      async () => {
        await elapse(clock, 20);
        return backend.stats().pending === 0;
      },
      { what: "the call to succeed" },
    );
    await call;
    expect(backend.stats().reconnects).toBe(1);
    expect((await remembered(backend, key)).operations).toEqual(["before", "during"]);
  });
});

describe("a server that is away", () => {
  test("gets none of the calls that ended meanwhile", async () => {
    const proxy = await proxied();
    const backend = await open(proxy);
    await write(backend, "before");
    await proxy.stop();
    await until(() => backend.stats().connections === 0, { what: "the loss to be seen" });
    proxy.resetCounts();
    const errors = await Promise.all(
      Array.from({ length: 20 }, (_, index) => rejection(write(backend, `op-${index}`, 100))),
    );
    for (const error of errors) expect(error).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    await proxy.pass();
    await until(() => backend.state === "ready", { what: "the server to be found again" });
    await write(backend, "after");
    expect(proxy.commandCounts()["EVAL"]).toBe(1);
    expect(proxy.commandCounts()["EVALSHA"]).toBeUndefined();
    expect((await remembered(backend, key)).operations).toEqual(["before", "after"]);
  });

  test("fails calls at once when it is away for good, and heals when it comes back", async () => {
    const proxy = await proxied();
    // The breaker opens after `timeouts.command`; how fast calls then fail is measured in the scenario and in the drills.
    const backend = await open(proxy, { timeouts: { command: 700 } });
    await proxy.stop();
    await until(() => backend.state === "down", { what: "the breaker to open", deadline: 5_000 });
    const errors = await Promise.all(Array.from({ length: 100 }, () => rejection(write(backend, "refused", 60_000))));
    expect(errors.every(({ executed }) => executed === "no")).toBe(true);
    await proxy.pass();
    await until(() => backend.state === "ready", { what: "the server to be found again", deadline: 5_000 });
    await write(backend, "after", 8_000);
    expect((await remembered(backend, key)).operations).toEqual(["after"]);
  });
});

test("64 calls of one turn arrive in one piece", async () => {
  const proxy = await proxied();
  const backend = await open(proxy);
  await write(backend, "teaches the hash");
  proxy.resetCounts();
  await Promise.all(Array.from({ length: 64 }, (_, index) => write(backend, `op-${index}`)));
  expect(proxy.commandCounts()).toEqual({ EVALSHA: 64 });
  expect(proxy.traffic.chunksFromClient).toBe(1);
});

test("a server that forgot its scripts is sent the source again, and all calls succeed", async () => {
  const proxy = await proxied();
  const backend = await open(proxy);
  await write(backend, "before");
  await topology.server.command("SCRIPT", "FLUSH");
  const replies = await Promise.all(Array.from({ length: 20 }, (_, index) => write(backend, `op-${index}`)));
  expect(replies).toHaveLength(20);
  expect((await remembered(backend, key)).operations).toHaveLength(21);
});

test("full memory: a write is refused with `no`, a read goes on, the state says so", async () => {
  const proxy = await proxied();
  const backend = await open(proxy);
  await write(backend, "before");
  await topology.server.command("CONFIG", "SET", "maxmemory", "1");
  onTestFinished(() => void topology.server.command("CONFIG", "SET", "maxmemory", "0"));
  const error = await rejection<StorageFullError>(write(backend, "refused"));
  expect(error).toBeInstanceOf(StorageFullError);
  expect(error).toMatchObject({ executed: "no", status: 503 });
  expect(backend.state).toBe("degraded");
  expect(await backend.run(look, { keys: { key }, args: {} })).toEqual(["OK", "1|before;"]);
  await topology.server.command("CONFIG", "SET", "maxmemory", "0");
  await write(backend, "after");
  expect((await remembered(backend, key)).operations).toEqual(["before", "after"]);
});

// Servers before 6 have none.
const { product, major } = await findServer();
if (product === "valkey" || major >= 6)
  describe("under an access list", () => {
    test("the line that a PermissionError gives is all that the fleet needs, and lets it touch nothing else", async () => {
      const proxy = await proxied();
      await topology.server.command("ACL", "SETUSER", "bare", "on", ">pw", "~test:*", "+@connection", "+info");
      const bare = await open(proxy, { username: "bare", password: "pw" });
      const refused = await rejection<PermissionError>(write(bare, "refused"));
      expect(refused).toBeInstanceOf(PermissionError);
      expect(refused.executed).toBe("no");
      const line = /the user needs: (.*)$/.exec(refused.help ?? "")?.[1]?.split(" ") ?? [];
      expect(line).toContain("~test:*");
      await topology.server.command("ACL", "SETUSER", "app", "on", ">pw", ...line);
      const backend = await open(proxy, { username: "app", password: "pw" });
      await write(backend, "one");
      expect(await backend.read(key, [["get"], ["pttl"], ["exists"], ["strlen"]])).toEqual(["1|one;", -1, 1, 6]);
      expect(await topology.server.command("CLIENT", "LIST")).toContain("name=test:command:one");
      const foreign = await rejection(
        backend.run(remember, { keys: { key: "other:room:{a}:x" }, args: { operation: "x" } }),
      );
      expect(foreign).toMatchObject({ code: "ERR_FLEET_PERMISSION", executed: "no" });
      expect(await topology.server.command("EXISTS", "other:room:{a}:x")).toBe(0);
    });

    test("a command that is denied inside a script leaves what came before it, and says `maybe`", async () => {
      const proxy = await proxied();
      await topology.server.command(
        "ACL",
        "SETUSER",
        "noset",
        "on",
        ">pw",
        "~*",
        "+@connection",
        "+info",
        "+eval",
        "+evalsha",
        "+get",
      );
      const backend = await open(proxy, { username: "noset", password: "pw" });
      expect(await rejection(write(backend, "x"))).toMatchObject({ code: "ERR_FLEET_PERMISSION", executed: "maybe" });
    });
  });
