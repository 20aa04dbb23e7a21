import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { StorageFullError } from "../../../src/core/errors.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { bulk, failure, FakeServer, info, list, silence } from "./fake-server.js";
import { elapse, look, openBackend, rejection, remember, settle, type BackendForTest } from "./open-backend.js";

// How one call ends, and what its error says of the server: every path, on a clock that stands still.

let server: FakeServer;
let clock: FakeClock;
beforeEach(async () => {
  server = await FakeServer.start();
  clock = new FakeClock();
});
afterEach(() => server.stop());

const key = "test:room:{a}:x";

function open(more: Partial<BackendForTest> = {}): RedisBackend {
  return openBackend({ nodes: [server.address], clock, ...more });
}

async function openReady(more: Partial<BackendForTest> = {}): Promise<RedisBackend> {
  const backend = open(more);
  await backend.ready();
  return backend;
}

function write(backend: RedisBackend, operation = "op", deadline?: number): Promise<unknown> {
  return backend.run(remember, { keys: { key }, args: { operation } }, deadline === undefined ? {} : { deadline });
}

/** How often a script arrived, in either form. */
function executions(): number {
  return server.count("EVAL") + server.count("EVALSHA");
}

function untilSent(count = 1): Promise<unknown> {
  return until(() => executions() === count, { what: `${count} scripts to arrive` });
}

/** Answers scripts in this way, the rest as an idle server. */
function scripts(answer: (sent: number) => string | undefined): void {
  let sent = 0;
  server.answer(([name]) => {
    if (name !== "EVAL" && name !== "EVALSHA") return undefined;
    sent += 1;
    return answer(sent);
  });
}

/** Lets time pass until something is so. */
async function pass(check: () => unknown, what: string, step = 20): Promise<void> {
  await until(
    async () => {
      if (check()) return true;
      await elapse(clock, step);
      return check();
    },
    { what, every: 1 },
  );
}

/** Every pause of a backoff is as long as it may be. */
function longestPauses(): void {
  const random = vi.spyOn(Math, "random").mockReturnValue(0.999_999);
  onTestFinished(() => random.mockRestore());
}

describe("the deadline", () => {
  test("of a call that finds no server ends it with `no`, at that moment", async () => {
    await server.stop();
    const backend = open();
    const call = rejection(write(backend));
    let settled = false;
    void call.then(() => {
      settled = true;
    });
    await clock.advanceAsync(7_999);
    await nextTurn();
    expect(settled).toBe(false);
    await clock.advanceAsync(1);
    expect(await call).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no", retryable: true, status: 503 });
    expect(backend.stats()).toMatchObject({ calls: 1, pending: 0 });
  });

  test("of a call that was sent and not answered ends it with `maybe`, one that only reads with `no`", async () => {
    scripts(() => silence);
    const backend = await openReady();
    // Shorter than the heartbeat, which would end the connection first.
    const mutating = rejection(write(backend, "op", 1_000));
    const reading = rejection(backend.run(look, { keys: { key }, args: {} }, { deadline: 1_000 }));
    await untilSent(2);
    await clock.advanceAsync(1_000);
    expect(await mutating).toMatchObject({
      code: "ERR_FLEET_TIMEOUT",
      executed: "maybe",
      retryable: true,
      status: 503,
    });
    expect(await reading).toMatchObject({ code: "ERR_FLEET_TIMEOUT", executed: "no" });
    expect(backend.stats()).toMatchObject({ timeouts: 2, pending: 0 });
  });

  test("of a call that was lost with its connection ends it with `maybe` though it waits", async () => {
    scripts(() => silence);
    const backend = await openReady();
    const mutating = rejection(write(backend, "op", 3_000));
    const reading = rejection(backend.run(look, { keys: { key }, args: {} }, { deadline: 3_000 }));
    await untilSent(2);
    await server.stop();
    await until(() => backend.state === "degraded", { what: "the loss to be seen" });
    await clock.advanceAsync(3_000);
    expect(await mutating).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "maybe" });
    expect(await reading).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
  });

  test("of a call that is answered 'try again' for ever ends it with `no` and what was answered", async () => {
    scripts(() => failure("TRYAGAIN Multiple keys request during rehashing of slot"));
    const backend = await openReady();
    longestPauses();
    const call = rejection<Error & { executed: string; cause: Error }>(write(backend, "op", 200));
    await pass(() => backend.stats().pending === 0, "the deadline", 5);
    const error = await call;
    expect(error.executed).toBe("no");
    expect(error.cause.message).toMatch(/^TRYAGAIN/);
    // At once, then after 20, 40 and 80 milliseconds.
    expect(executions()).toBe(4);
  });

  test("holds for a reply of several reads", async () => {
    server.answer(([name]) => (name === "PTTL" ? silence : undefined));
    const backend = await openReady();
    const call = rejection(backend.read(key, [["get"], ["pttl"]], { deadline: 1_000 }));
    await until(() => server.count("PTTL") === 1, { what: "the reads to arrive" });
    await clock.advanceAsync(1_000);
    expect(await call).toMatchObject({ code: "ERR_FLEET_TIMEOUT", executed: "no" });
  });
});

describe("after the deadline nothing is written", () => {
  test("of calls that waited for a server, when it comes", async () => {
    await server.stop();
    const backend = open();
    const calls = Array.from({ length: 20 }, (_, index) => rejection(write(backend, `op-${index}`, 1_000)));
    await clock.advanceAsync(1_000);
    for (const error of await Promise.all(calls)) expect(error.executed).toBe("no");
    await server.resume();
    await pass(() => backend.state === "ready", "the server to be found again");
    await write(backend, "later");
    expect(server.calls().map((words) => words.at(-1))).toEqual(["later"]);
  });

  test("of a call that was lost, when the server is back", async () => {
    scripts(() => silence);
    const backend = await openReady();
    const call = rejection(write(backend, "op", 1_000));
    await untilSent();
    await server.stop();
    await until(() => backend.state === "degraded", { what: "the loss to be seen" });
    await clock.advanceAsync(1_000);
    expect((await call).executed).toBe("maybe");
    await server.resume();
    await pass(() => backend.state === "ready", "the server to be found again");
    await nextTurn();
    expect(executions()).toBe(1);
  });

  test("of a call whose hash the server answers late that it does not know", async () => {
    const backend = await openReady();
    await write(backend, "teaches the hash");
    let answer: (() => void) | undefined;
    server.answer(([name], connection) => {
      if (name !== "EVALSHA") return undefined;
      answer = () => connection.write(failure("NOSCRIPT No matching script. Please use EVAL."));
      return silence;
    });
    const call = rejection(write(backend, "late", 1_000));
    await until(() => answer !== undefined, { what: "the hash to arrive" });
    await clock.advanceAsync(1_000);
    expect((await call).executed).toBe("maybe");
    answer?.();
    await backend.read(key, [["get"]]);
    expect(server.count("EVAL")).toBe(1);
  });
});

describe("a reply that came in time counts", () => {
  test("though this process was too busy to read it before the deadline", async () => {
    // Real time: the point is the order in which Node looks at timers and sockets. The server lives in this process,
    // so the deadline passes before anybody can read the answer, which is there in the turn in which the timer fires.
    scripts(() => {
      const end = performance.now() + 120;
      while (performance.now() < end);
      return undefined;
    });
    const backend = openBackend({ nodes: [server.address] });
    await backend.ready();
    const call = write(backend, "op", 60);
    expect(await call).toEqual(["OK"]);
  });
});

describe("what is answered decides", () => {
  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", "maxmemory"],
    ["MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.", "disk"],
  ])("%s: the storage is full, nothing was executed, the state says so for half a minute", async (reply, help) => {
    scripts((sent) => (sent === 1 ? failure(reply) : undefined));
    const backend = await openReady();
    const error = await rejection<StorageFullError>(write(backend));
    expect(error).toBeInstanceOf(StorageFullError);
    expect(error).toMatchObject({ executed: "no", status: 503, retryable: true });
    expect(error.help).toContain(help);
    expect(executions()).toBe(1);
    expect(backend.state).toBe("degraded");
    await elapse(clock, 29_999);
    expect(backend.state).toBe("degraded");
    await elapse(clock, 1);
    expect(backend.state).toBe("ready");
  });

  test("a full storage met on the second try leaves the first one uncertain", async () => {
    scripts((sent) => (sent === 1 ? silence : failure("OOM command not allowed")));
    const backend = await openReady();
    const call = rejection(write(backend));
    await untilSent();
    server.reset();
    await pass(() => backend.stats().pending === 0, "the answer to the second try");
    expect(await call).toMatchObject({ code: "ERR_FLEET_STORAGE_FULL", executed: "maybe" });
  });

  test("a key that the user may not touch: `no`, and the ACL line that it needs", async () => {
    scripts(() => failure("NOPERM this user has no permissions to access one of the keys used as arguments"));
    const backend = await openReady({ namespace: "shop" });
    const error = await rejection(write(backend));
    expect(error).toMatchObject({ code: "ERR_FLEET_PERMISSION", executed: "no", retryable: false });
    expect(error.help).toContain("~shop:* &shop:*");
    expect(executions()).toBe(1);
  });

  test("a command that the user may not use inside a script: `maybe`, since others of the script came before it", async () => {
    scripts(() =>
      failure("ERR The user executing the script can't run this command or subcommand script: 0, on @user_script:1."),
    );
    const backend = await openReady();
    expect(await rejection(write(backend))).toMatchObject({ code: "ERR_FLEET_PERMISSION", executed: "maybe" });
    expect(await rejection(backend.run(look, { keys: { key }, args: {} }))).toMatchObject({
      code: "ERR_FLEET_PERMISSION",
      executed: "no",
    });
  });

  test("a permission refused on the second try leaves the first one uncertain", async () => {
    scripts((sent) => (sent === 1 ? silence : failure("NOPERM this user has no permissions")));
    const backend = await openReady();
    const call = rejection(write(backend));
    await untilSent();
    server.reset();
    await pass(() => backend.stats().pending === 0, "the answer to the second try");
    expect((await call).executed).toBe("maybe");
  });

  test("an error of the script itself: `maybe`, for a read `no`, and never a second time", async () => {
    server.answer(([name]) =>
      ["EVAL", "EVALSHA", "GET"].includes(name ?? "") ? failure("WRONGTYPE Operation against a key") : undefined,
    );
    const backend = await openReady();
    expect(await rejection(write(backend))).toMatchObject({
      code: "ERR_FLEET_REPLY",
      executed: "maybe",
      retryable: false,
    });
    expect(await rejection(backend.read(key, [["get"], ["pttl"]]))).toMatchObject({
      code: "ERR_FLEET_REPLY",
      executed: "no",
    });
    expect(executions()).toBe(1);
    expect(server.count("GET")).toBe(1);
  });

  test.each([
    "LOADING Redis is loading the dataset in memory",
    "CLUSTERDOWN The cluster is down",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "NOREPLICAS Not enough good replicas to write.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "BUSY Redis is busy running a script.",
  ])("%s: it is tried again, after a pause", async (reply) => {
    scripts((sent) => (sent <= 3 ? failure(reply) : undefined));
    const backend = await openReady();
    const call = write(backend);
    await untilSent();
    await nextTurn();
    expect(executions()).toBe(1);
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    expect(await call).toEqual(["OK"]);
    expect(executions()).toBe(4);
    expect(backend.stats().retries).toBe(3);
  });

  test("READONLY: the connection is given up for a new one, on which the call is sent again", async () => {
    scripts((sent) => (sent === 1 ? failure("READONLY You can't write against a read only replica.") : undefined));
    const backend = await openReady();
    const call = write(backend);
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    expect(await call).toEqual(["OK"]);
    expect(server.accepted).toBe(2);
    expect(backend.stats().reconnects).toBe(1);
  });

  test("NOAUTH: a new connection reads the secret anew", async () => {
    vi.stubEnv("TEST_BACKEND_PASSWORD", "old");
    let valid = "old";
    let revoked = false;
    server.answer(([name, password], connection) => {
      if (name === "AUTH") return password === valid ? undefined : failure("WRONGPASS invalid password");
      if (name === "EVAL" && revoked && connection.number === 1) return failure("NOAUTH Authentication required.");
      return undefined;
    });
    const backend = await openReady({ password: { env: "TEST_BACKEND_PASSWORD" } });
    valid = "new";
    revoked = true;
    vi.stubEnv("TEST_BACKEND_PASSWORD", "new");
    const call = write(backend);
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    vi.unstubAllEnvs();
    expect(await call).toEqual(["OK"]);
    expect(server.accepted).toBe(2);
  });

  test("NOSCRIPT: the source is sent", async () => {
    const backend = await openReady();
    await write(backend, "one");
    server.answer(([name]) =>
      name === "EVALSHA" ? failure("NOSCRIPT No matching script. Please use EVAL.") : undefined,
    );
    expect(await write(backend, "two")).toEqual(["OK"]);
    expect(server.calls().map(([name]) => name)).toEqual(["EVAL", "EVALSHA", "EVAL"]);
    server.answer(() => undefined);
    await write(backend, "three");
    expect(server.calls().at(-1)?.[0]).toBe("EVALSHA");
  });

  test("a redirect of one that should be alone does not become a storm of connections", async () => {
    server.answer(([name]) => {
      if (name === "INFO") return failure("NOPERM this user has no permissions to run the 'info' command");
      return name === "EVAL" || name === "EVALSHA" ? failure("MOVED 1 127.0.0.1:1") : undefined;
    });
    const backend = await openReady();
    longestPauses();
    const call = rejection(write(backend, "op", 1_000));
    await pass(() => backend.stats().pending === 0, "the deadline");
    expect((await call).executed).toBe("no");
    // Pauses of 20, 40, 80, 160 and then 200 milliseconds.
    expect(server.accepted).toBeLessThanOrEqual(9);
  });
});

describe("a lost reply", () => {
  test("the call is sent again on the next connection, once, and answered", async () => {
    scripts((sent) => (sent === 1 ? silence : list(bulk("OK"), ":1\r\n")));
    const backend = await openReady();
    const call = write(backend);
    await untilSent();
    server.reset();
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    expect(await call).toEqual(["OK", 1]);
    expect(executions()).toBe(2);
    expect(backend.stats()).toMatchObject({ retries: 1, reconnects: 1 });
  });

  test("all calls of a connection are sent again", async () => {
    let connections = 1;
    server.answer(([name], connection) => {
      connections = Math.max(connections, connection.number);
      return name === "EVAL" || name === "EVALSHA" ? (connection.number === 1 ? silence : undefined) : undefined;
    });
    const backend = await openReady();
    const calls = Array.from({ length: 50 }, (_, index) => write(backend, `op-${index}`));
    await untilSent(50);
    server.reset();
    await pass(() => backend.stats().pending === 0, "the calls to succeed");
    expect(await Promise.all(calls)).toHaveLength(50);
    expect(executions()).toBe(100);
  });

  test("a call that came with two connections whose server fell silent is not sent a third time", async () => {
    // A server that freezes whenever it gets the script.
    let frozen = false;
    server.answer(([name]) => {
      if (name === "EVAL" || name === "EVALSHA") frozen = true;
      if (name === "CLIENT") frozen = false;
      return frozen ? silence : undefined;
    });
    const backend = await openReady();
    const call = rejection(write(backend, "op", 60_000));
    await pass(() => backend.stats().pending === 0, "the call to be given up", 500);
    const error = await call;
    expect(error).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "maybe" });
    expect(error.message).toContain("lost with the connection twice");
    expect(executions()).toBe(2);
  });

  test("connections that the server itself ended do not count as silence", async () => {
    scripts((sent) => (sent <= 4 ? silence : undefined));
    const backend = await openReady();
    const call = write(backend);
    for (const times of [1, 2, 3, 4]) {
      await pass(() => executions() === times, `try ${times}`);
      server.reset();
    }
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    expect(await call).toEqual(["OK"]);
  });

  test("a server that hangs up on every try is tried with pauses", async () => {
    server.answer(([name], connection) => {
      if (name !== "EVAL" && name !== "EVALSHA") return undefined;
      connection.reset();
      return silence;
    });
    const backend = await openReady();
    const call = rejection(write(backend, "op", 2_000));
    await pass(() => backend.stats().pending === 0, "the deadline", 5);
    expect((await call).executed).toBe("maybe");
    // Pauses of 0 to 20, 40, 80, 160, 200 ...: about 25 in two seconds; without them one every five milliseconds.
    expect(executions()).toBeLessThan(100);
  });
});

describe("too many calls", () => {
  test("are refused before anything is sent, and let in again when others ended", async () => {
    await server.stop();
    const backend = open({ maxPending: 10 });
    const waiting = Array.from({ length: 10 }, (_, index) => write(backend, `op-${index}`));
    const error = await rejection(write(backend, "too many"));
    expect(error).toMatchObject({ code: "ERR_FLEET_OVERLOADED", executed: "no", retryable: true, status: 503 });
    expect(backend.stats()).toMatchObject({ pending: 10, refused: 1 });
    await server.resume();
    await pass(() => backend.stats().pending === 0, "the others to be served");
    await Promise.all(waiting);
    await write(backend, "now");
    expect(server.calls().map((words) => words.at(-1))).not.toContain("too many");
  });
});

describe("the breaker", () => {
  test("with the server down for good: calls wait until it opens, then fail without any wait", async () => {
    const backend = await openReady();
    await server.stop();
    await until(() => backend.state === "degraded", { what: "the loss to be seen" });
    await clock.advanceAsync(1_000);
    const waiting = rejection(write(backend, "waits", 60_000));
    await clock.advanceAsync(6_999);
    expect(backend.state).toBe("degraded");
    expect(backend.stats().pending).toBe(1);
    await clock.advanceAsync(1);
    expect(await waiting).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no", retryAfter: 500 });
    expect(backend.state).toBe("down");
    // The clock stands still: none of these waits for anything.
    for (let count = 0; count < 100; count += 1) {
      expect(await rejection(write(backend, "fails"))).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    }
    expect(backend.stats()).toMatchObject({ refused: 101, pending: 0 });
  });

  test("heals when the server is back, within half a second, and nothing refused is written", async () => {
    await server.stop();
    const backend = open();
    await pass(() => backend.state === "down", "the breaker to open", 100);
    await rejection(write(backend, "refused"));
    await server.resume();
    const before = clock.monotonic();
    await pass(() => backend.state === "ready", "the server to be found again");
    expect(clock.monotonic() - before).toBeLessThanOrEqual(600);
    await write(backend, "served");
    expect(server.calls().map((words) => words.at(-1))).toEqual(["served"]);
  });

  test("opens for a frozen server too, whose connections stay open and silent", async () => {
    const backend = await openReady();
    server.answer(() => silence);
    const call = rejection(write(backend, "waits", 60_000));
    await pass(() => backend.state === "degraded", "the heartbeat to miss its answer", 250);
    await pass(() => backend.state === "down", "the breaker to open", 250);
    expect(clock.monotonic()).toBeLessThanOrEqual(5_000 + 5_000 + 8_000 + 500);
    expect(await call).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "maybe" });
    expect(await rejection(write(backend))).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    expect(executions()).toBe(1);
    server.answer(() => undefined);
    server.reset();
    await pass(() => backend.state === "ready", "the server to be found again");
    await write(backend);
  });
});

describe("draining", () => {
  test("calls that wait for an absent server fail at once, new ones too", async () => {
    await server.stop();
    const backend = open();
    const waiting = rejection(write(backend));
    backend.drain();
    expect(await waiting).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "no" });
    expect(await rejection(write(backend))).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "no" });
    expect(backend.state).toBe("draining");
  });

  test("calls that are under way are answered, and new ones are sent", async () => {
    let answer: (() => void) | undefined;
    server.answer(([name], connection) => {
      if (name !== "EVAL") return undefined;
      answer = () => connection.write(list(bulk("OK")));
      return silence;
    });
    const backend = await openReady();
    const underWay = write(backend, "one");
    await until(() => answer !== undefined, { what: "the script to arrive" });
    backend.drain();
    const next = write(backend, "two");
    answer?.();
    expect(await underWay).toEqual(["OK"]);
    expect(await next).toEqual(["OK"]);
  });

  test("a call that loses its connection meanwhile fails instead of waiting, with `maybe`", async () => {
    scripts(() => silence);
    const backend = await openReady();
    const call = rejection(write(backend));
    await untilSent();
    backend.drain();
    await server.stop();
    await pass(() => backend.stats().pending === 0, "the call to fail", 1);
    expect(await call).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "maybe" });
    expect(clock.monotonic()).toBeLessThan(5_000 + 8_000);
  });
});

describe("closing", () => {
  test("settles every call: `maybe` what was sent, `no` what waited or paused", async () => {
    scripts((sent) => (sent === 1 ? failure("TRYAGAIN Multiple keys request") : silence));
    const backend = await openReady();
    const paused = rejection(write(backend, "paused"));
    await untilSent(1);
    await until(() => backend.stats().retries === 1, { what: "the pause" });
    const sent = rejection(write(backend, "sent"));
    const reading = rejection(backend.run(look, { keys: { key }, args: {} }));
    await untilSent(3);
    await backend.close();
    expect(await paused).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "no" });
    expect(await sent).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "maybe" });
    expect(await reading).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "no" });
    expect(await rejection(write(backend, "after"))).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "no" });
    expect(backend.stats().pending).toBe(0);
  });

  test("settles what waits for an absent server with `no`", async () => {
    await server.stop();
    const backend = open();
    const waiting = rejection(write(backend));
    await backend.close();
    expect(await waiting).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "no" });
  });

  test.each([
    [
      "connected",
      ([name]: readonly string[]): string | undefined => (name?.startsWith("EVAL") === true ? silence : undefined),
      true,
    ],
    [
      "while it connects",
      ([name]: readonly string[]): string | undefined => (name === "INFO" ? silence : undefined),
      true,
    ],
    ["with the server away", (): string | undefined => undefined, false],
  ])("leaves no timer and no connection: %s", async (_when, answer, running) => {
    server.answer(answer);
    if (!running) await server.stop();
    const backend = open();
    const calls = [rejection(write(backend)), rejection(write(backend, "short", 10))];
    if (running) await until(() => server.count("INFO") === 1, { what: "the handshake" });
    await backend.close();
    await backend.close();
    await Promise.all(calls);
    await until(() => server.open === 0, { what: "the connections to end" });
    await nextTurn();
    expect(clock.timers).toBe(0);
    expect(backend.state).toBe("closed");
  });

  test("hands on the state once, and nothing after", async () => {
    const backend = await openReady();
    const states: string[] = [];
    backend.on("state", ({ from, to }) => states.push(`${from} to ${to}`));
    backend.drain();
    await backend.close();
    backend.drain();
    server.reset();
    await settle();
    expect(states).toEqual(["ready to draining", "draining to closed"]);
  });
});

test("an error names no secret: neither the password nor what was stored", async () => {
  const { inspect } = await import("node:util");
  scripts(() => failure("WRONGTYPE Operation against a key holding the wrong kind of value"));
  const backend = await openReady({ password: "s3cret" });
  const error = await rejection(write(backend, "payload-of-a-session"));
  const shown = inspect(error, { depth: 20, showHidden: true });
  expect(shown).toContain("WRONGTYPE");
  expect(shown).not.toMatch(/payload-of-a-session|s3cret/);
});

test("without INFO the backend works, and knows no capabilities", async () => {
  server.answer(([name]) => (name === "INFO" ? failure("NOPERM this user has no permissions") : undefined));
  const backend = await openReady();
  expect(backend.capabilities).toBeUndefined();
  expect(await write(backend)).toEqual(["OK"]);
});

test("capabilities are what the server says, and an eviction policy is warned of once", async () => {
  server.answer(([name]) =>
    name === "INFO" ? info({ valkey_version: "8.0.1", maxmemory_policy: "allkeys-lru" }) : undefined,
  );
  const backend = open();
  const warnings: string[] = [];
  backend.on("warning", ({ code, message }) => warnings.push(`${code} ${message}`));
  await backend.ready();
  server.reset();
  await pass(() => backend.stats().reconnects === 1, "a second connection");
  expect(backend.capabilities).toEqual({ flavor: "valkey", version: "8.0.1" });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/^WARN_FLEET_EVICTION_POLICY .*allkeys-lru/);
});
