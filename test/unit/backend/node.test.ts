import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { FleetError } from "../../../src/core/errors.js";
import { explain, refusal } from "../../../src/backend/redis/diagnosis.js";
import { addressText, Node, type NodeSettings } from "../../../src/backend/redis/node.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { failure, FakeServer, info, silence, type Answer } from "./fake-server.js";
import { fixedCredentials } from "./fixed-credentials.js";
import { elapse, rejection } from "./open-backend.js";

let server: FakeServer;
let clock: FakeClock;
let changes: string[];
let reconnects: number;
let refusals: string[];
beforeEach(async () => {
  server = await FakeServer.start();
  clock = new FakeClock();
  changes = [];
  reconnects = 0;
  refusals = [];
});
afterEach(() => server.stop());

function open(more: Partial<NodeSettings> = {}, closing: AbortController = new AbortController()): Node {
  const node = new Node(server.address, {
    clock,
    connect: (address) => ({
      address,
      tls: undefined,
      credentials: fixedCredentials(),
      name: "test",
      database: 0,
      timeout: 5_000,
      signal: closing.signal,
    }),
    breakerAfter: 8_000,
    refuse: (found, address) => refusal("single", found, address),
    explain,
    onChange: (_node, what) => changes.push(what),
    onReconnect: () => {
      reconnects += 1;
    },
    onSignInRefused: (_node, error) => refusals.push(error.message),
    ...more,
  });
  onTestFinished(() => {
    node.close();
    closing.abort();
  });
  return node;
}

function untilChange(what: string, times = 1): Promise<unknown> {
  return until(() => changes.filter((change) => change === what).length >= times, {
    what: `"${what}", ${times} times`,
  });
}

/** Every wait of a backoff is as long as it may be, or as short. */
function jitter(share: number): void {
  const random = vi.spyOn(Math, "random").mockReturnValue(share);
  onTestFinished(() => random.mockRestore());
}

test.each([
  [{ host: "10.0.0.1", port: 6379 }, "10.0.0.1:6379"],
  [{ host: "::1", port: 6379 }, "[::1]:6379"],
  [{ host: "localhost", port: 0, path: "/run/redis.sock" }, "/run/redis.sock"],
])("an address is written as people write it", (address, text) => {
  expect(addressText(address)).toBe(text);
});

describe("connecting", () => {
  test("begins by itself and is told, once whoever made the node can hear of it", async () => {
    const node = open();
    expect(changes).toEqual([]);
    await untilChange("ready");
    expect(changes).toEqual(["ready"]);
    expect(node.connection?.open).toBe(true);
    expect(node.info?.version).toBe("7.0.15");
    expect(reconnects).toBe(0);
  });

  test("is tried again at once when the connection is lost", async () => {
    const node = open();
    await untilChange("ready");
    await clock.advanceAsync(1_000);
    server.reset();
    await untilChange("lost");
    expect(node.connection).toBeUndefined();
    expect(node.lastError).toBeDefined();
    await clock.advanceAsync(1);
    await untilChange("ready", 2);
    expect(node.lastError).toBeUndefined();
    expect(reconnects).toBe(1);
  });

  test("waits for longer and longer when connections are lost as soon as they are there", async () => {
    jitter(0.999_999);
    open();
    for (const [index, wait] of [5, 10, 20, 40, 50, 50].entries()) {
      await untilChange("ready", index + 1);
      server.reset();
      await untilChange("lost", index + 1);
      await clock.advanceAsync(wait - 1);
      expect(changes.filter((change) => change === "ready")).toHaveLength(index + 1);
      await clock.advanceAsync(1);
    }
    await untilChange("ready", 7);
    // One that lives starts over.
    await clock.advanceAsync(1_000);
    server.reset();
    await untilChange("lost", 7);
    await clock.advanceAsync(1);
    await untilChange("ready", 8);
    server.reset();
    await untilChange("lost", 8);
    await clock.advanceAsync(5);
    await untilChange("ready", 9);
  });

  test("waits longer after each failure, up to half a second, and starts over after a success", async () => {
    jitter(0.999_999);
    await server.stop();
    open();
    await untilChange("lost");
    let lost = 1;
    for (const wait of [50, 100, 200, 400, 500, 500]) {
      await clock.advanceAsync(wait - 1);
      expect(changes).toHaveLength(lost);
      await clock.advanceAsync(1);
      lost += 1;
      await untilChange("lost", lost);
    }
    await server.resume();
    await clock.advanceAsync(500);
    await untilChange("ready");
    await clock.advanceAsync(1_000);
    await server.stop();
    await untilChange("lost", lost + 1);
    await clock.advanceAsync(1);
    await untilChange("lost", lost + 2);
    await clock.advanceAsync(50);
    await untilChange("lost", lost + 3);
  });

  test("is never tried again without any wait after a failure, however the dice fall", async () => {
    jitter(0);
    await server.stop();
    open();
    await untilChange("lost");
    await elapse(clock, 9);
    expect(changes).toHaveLength(1);
    await clock.advanceAsync(1);
    await untilChange("lost", 2);
  });

  test("goes on when the credentials cannot be read just now", async () => {
    let away = true;
    const node = open({
      connect: (address) => {
        if (away) throw new Error("ENOENT: no such file");
        return {
          address,
          tls: undefined,
          credentials: fixedCredentials(),
          name: "test",
          database: 0,
          timeout: 5_000,
          signal: new AbortController().signal,
        };
      },
    });
    await untilChange("lost");
    expect(node.lastError?.message).toContain("ENOENT");
    away = false;
    await clock.advanceAsync(500);
    await untilChange("ready");
  });
});

describe("a server that must not be used", () => {
  test("is asked again every five seconds, and used once it was mended", async () => {
    server.answer(([name]) => (name === "INFO" ? info({ redis_mode: "sentinel" }) : undefined));
    const node = open();
    await untilChange("lost");
    expect(node.fatal?.code).toBe("ERR_FLEET_MODE_IS_SENTINEL");
    expect(node.connection).toBeUndefined();
    await until(() => server.open === 0, { what: "the refused connection to end" });
    await clock.advanceAsync(4_999);
    expect(server.accepted).toBe(1);
    server.answer(() => undefined);
    await clock.advanceAsync(1);
    await untilChange("ready");
    expect(node.fatal).toBeUndefined();
  });

  test("is asked again soon when its state passes by itself", async () => {
    server.answer(([name]) => (name === "INFO" ? info({ role: "slave" }) : undefined));
    const node = open();
    await untilChange("lost");
    expect(node.fatal).toBeUndefined();
    expect(node.lastError?.message).toContain("is a replica");
    server.answer(() => undefined);
    await clock.advanceAsync(50);
    await untilChange("ready");
  });
});

/** TIME that was asked when a connection was at rest, and not when it was opened. */
function heartbeats(): number {
  return server.count("TIME") - server.count("INFO");
}

function answerHeartbeats(answer: Answer): void {
  const opened = new Set<unknown>();
  server.answer((words, connection) => {
    if (words[0] !== "TIME") return undefined;
    if (opened.has(connection)) return answer(words, connection);
    opened.add(connection);
    return undefined;
  });
}

describe("the heartbeat", () => {
  test("asks after three seconds at rest, and again", async () => {
    open();
    await untilChange("ready");
    await clock.advanceAsync(2_999);
    expect(heartbeats()).toBe(0);
    await clock.advanceAsync(1);
    await until(() => heartbeats() === 1, { what: "the first heartbeat" });
    await nextTurn();
    await clock.advanceAsync(3_499);
    expect(heartbeats()).toBe(1);
    await clock.advanceAsync(1);
    await until(() => heartbeats() === 2, { what: "the second heartbeat" });
    expect(changes).toEqual(["ready"]);
  });

  test("that is not answered within two seconds ends the connection, and a new one is opened", async () => {
    answerHeartbeats(() => silence);
    const node = open();
    await untilChange("ready");
    const { connection } = node;
    await clock.advanceAsync(3_000);
    await until(() => heartbeats() === 1, { what: "the heartbeat" });
    await clock.advanceAsync(1_999);
    await nextTurn();
    expect(node.connection).toBe(connection);
    await clock.advanceAsync(1);
    await untilChange("lost");
    expect(changes).toEqual(["ready", "suspect", "lost"]);
    expect(connection?.killed).toBe(true);
    expect(node.lastError?.message).toBe("no answer for 2000 ms");
    await clock.advanceAsync(1);
    await untilChange("ready", 2);
    expect(node.connection).not.toBe(connection);
    expect(server.open).toBe(1);
  });

  test("is not waited for: a call without an answer makes the server suspect after one second and ends its connection after two", async () => {
    server.answer(([name]) => (name === "GET" ? silence : undefined));
    const node = open();
    await untilChange("ready");
    const { connection } = node;
    const outstanding = rejection(connection?.send("get", ["a"]) ?? Promise.resolve());
    await clock.advanceAsync(999);
    expect(changes).toEqual(["ready"]);
    await clock.advanceAsync(1);
    expect(changes).toEqual(["ready", "suspect"]);
    await clock.advanceAsync(999);
    await nextTurn();
    expect(node.connection).toBe(connection);
    await clock.advanceAsync(1);
    await outstanding;
    await untilChange("lost");
    expect(heartbeats()).toBe(0);
    expect(connection?.killed).toBe(true);
    await clock.advanceAsync(1);
    await untilChange("ready", 2);
    expect(node.connection).not.toBe(connection);
    expect(server.open).toBe(1);
  });

  test("takes an error for an answer", async () => {
    answerHeartbeats(() => failure("MASTERDOWN Link with MASTER is down"));
    open();
    await untilChange("ready");
    for (const count of [1, 2]) {
      await clock.advanceAsync(count === 1 ? 3_000 : 3_500);
      await until(() => heartbeats() === count, { what: `heartbeat ${count}` });
      await nextTurn();
    }
    expect(changes).toEqual(["ready"]);
  });

  test("does not blame the server when this process was too busy to read its answer", async () => {
    open();
    await untilChange("ready");
    server.answer(([name]) => {
      if (name === "TIME") {
        // The limit is over in the turn in which the answer can be read, and timers come first in it.
        setTimeout(() => clock.advance(2_000), 1);
        const end = performance.now() + 5;
        while (performance.now() < end);
      }
      return undefined;
    });
    await clock.advanceAsync(3_000);
    await until(() => heartbeats() === 1, { what: "the heartbeat" });
    await nextTurn();
    expect(clock.monotonic()).toBe(5_000 + 3_000 + 2_000);
    expect(changes).toEqual(["ready", "suspect"]);
  });

  test("closes the breaker again that a slow answer began to open", async () => {
    const node = open();
    await untilChange("ready");
    node.breaker.failure();
    await clock.advanceAsync(3_000);
    await until(() => heartbeats() === 1, { what: "the heartbeat" });
    await clock.advanceAsync(2_000);
    await nextTurn();
    await clock.advanceAsync(8_000);
    expect(node.breaker.open).toBe(false);
  });
});

test("killing ends the connection and opens another; the call that killed it is not counted as silence", async () => {
  const node = open();
  await untilChange("ready");
  const { connection } = node;
  await clock.advanceAsync(1_000);
  node.kill(new Error("it is a replica now"));
  expect(node.connection).toBeUndefined();
  expect(connection?.killed).toBe(false);
  await untilChange("lost");
  await clock.advanceAsync(1);
  await untilChange("ready", 2);
});

test("killing without a connection does nothing", async () => {
  await server.stop();
  const node = open();
  node.kill(new Error("why"));
  await untilChange("lost");
  node.kill(new Error("why"));
  expect(changes).toEqual(["lost"]);
});

describe("closing", () => {
  test("ends the connection and every timer, and is told to nobody", async () => {
    const node = open();
    await untilChange("ready");
    node.close();
    await until(() => server.open === 0, { what: "the connection to end" });
    await nextTurn();
    expect(changes).toEqual(["ready"]);
    expect(clock.timers).toBe(0);
    await clock.advanceAsync(20_000);
    expect(server.accepted).toBe(1);
  });

  test("while it waits for its next attempt leaves no timer", async () => {
    await server.stop();
    const node = open();
    await untilChange("lost");
    node.close();
    expect(clock.timers).toBe(0);
  });

  test("while it dials ends that, too", async () => {
    server.answer(() => silence);
    const closing = new AbortController();
    const node = open({}, closing);
    await until(() => server.count("INFO") === 1, { what: "the handshake to begin" });
    node.close();
    closing.abort();
    await until(() => server.open === 0, { what: "the connection to end" });
    await nextTurn();
    expect(clock.timers).toBe(0);
    expect(changes).toEqual([]);
  });

  test("a connection that opens after it is ended at once", async () => {
    let proceed: (() => void) | undefined;
    server.answer(([name], connection) => {
      if (name !== "INFO") return undefined;
      proceed = () => connection.write(info());
      return silence;
    });
    const node = open();
    await until(() => proceed !== undefined, { what: "the handshake to begin" });
    node.close();
    proceed?.();
    await until(() => server.open === 0, { what: "the connection to end" });
    expect(node.connection).toBeUndefined();
    expect(changes).toEqual([]);
  });
});

test("what the attempt met is explained", async () => {
  await server.stop();
  const seen: string[] = [];
  const node = open({
    explain: (error) => {
      seen.push((error as NodeJS.ErrnoException).code ?? "");
      return new FleetError("ERR_FLEET_TEST", "explained");
    },
  });
  await untilChange("lost");
  expect(seen).toEqual(["ECONNREFUSED"]);
  expect(node.fatal).toMatchObject({ code: "ERR_FLEET_TEST" });
});

describe("changed credentials", () => {
  const signIn = { username: "app", password: "new" };

  function signIns(): string[] {
    return server.received.filter(({ words }) => words[0] === "AUTH").map(({ words }) => words.join(" "));
  }

  test("are signed in with on the open connection, which goes on", async () => {
    const node = open();
    await untilChange("ready");
    const { connection } = node;
    node.signInAnew(signIn);
    await until(() => signIns().length === 1, { what: "the sign-in" });
    expect(signIns()).toEqual(["AUTH app new"]);
    expect(node.connection).toBe(connection);
    expect(refusals).toEqual([]);
  });

  test("that the server refuses are told of, and the connection goes on", async () => {
    const node = open();
    await untilChange("ready");
    const { connection } = node;
    server.answer(([name]) => (name === "AUTH" ? failure("WRONGPASS invalid username-password pair") : undefined));
    node.signInAnew(signIn);
    await until(() => refusals.length === 1, { what: "the refusal" });
    expect(refusals).toEqual(["WRONGPASS invalid username-password pair"]);
    expect(node.connection).toBe(connection);
    expect(changes).toEqual(["ready"]);
  });

  test("that the server had no time to judge are not told of as refused: the next connection has them", async () => {
    const node = open();
    await untilChange("ready");
    server.answer(([name], connection) => {
      if (name !== "AUTH") return undefined;
      connection.reset();
      return silence;
    });
    node.signInAnew(signIn);
    await untilChange("lost");
    await elapse(clock, 250);
    expect(refusals).toEqual([]);
  });

  test("are not tried on an open connection to Redis 5, which would sign it out if it refused them", async () => {
    server.answer(([name]) => (name === "INFO" ? info({ redis_version: "5.0.14" }) : undefined));
    const node = open();
    await untilChange("ready");
    node.signInAnew(signIn);
    await elapse(clock, 1_000);
    expect(signIns()).toEqual([]);
  });

  test("are tried at once by a node that was refused, and otherwise every second", async () => {
    let refuses = true;
    server.answer(([name]) => (name === "AUTH" && refuses ? failure("WRONGPASS wrong") : undefined));
    const node = open({
      connect: (address) => ({
        address,
        tls: undefined,
        credentials: fixedCredentials(signIn),
        name: "test",
        database: 0,
        timeout: 5_000,
        signal: new AbortController().signal,
      }),
    });
    await untilChange("lost");
    expect(node.fatal?.code).toBe("ERR_FLEET_AUTH");
    await clock.advanceAsync(999);
    expect(signIns()).toHaveLength(1);
    await clock.advanceAsync(1);
    await untilChange("lost", 2);
    refuses = false;
    node.signInAnew(signIn);
    await clock.advanceAsync(1);
    await untilChange("ready");
    expect(node.fatal).toBeUndefined();
  });
});
