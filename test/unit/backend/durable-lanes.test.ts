import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RedisBackend, RunOptions } from "../../../src/backend/backend.js";
import { NotReplicatedError } from "../../../src/backend/not-replicated-error.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { FakeSentinels } from "./fake-sentinels.js";
import { bulk, failure, FakeServer, info, integer, list, silence, type FakeConnection } from "./fake-server.js";
import { elapse, openBackend, rejection, remember, settle, type BackendForTest } from "./open-backend.js";

// What is sent to a server for calls that wait for replicas, and how they end, on a clock that stands still.

let server: FakeServer;
let clock: FakeClock;
beforeEach(async () => {
  server = await FakeServer.start();
  clock = new FakeClock();
});
afterEach(() => server.stop());

async function openReady(more: Partial<BackendForTest> = {}): Promise<RedisBackend> {
  const backend = openBackend({ nodes: [server.address], clock, ...more });
  await backend.ready();
  return backend;
}

function write(backend: RedisBackend, options: RunOptions = {}, operation = "op"): Promise<readonly ["OK", number]> {
  return backend.run(remember, { keys: { key: "test:room:{a}:x" }, args: { operation } }, options);
}

function writes(backend: RedisBackend, count: number, options: RunOptions): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, (_, index) => write(backend, options, `op-${index}`)));
}

/** A held WAIT: what it asked for, and the way to answer it. */
interface Wait {
  readonly words: readonly string[];
  readonly connection: FakeConnection;
}

/** Holds back every WAIT; the list fills as they come. */
function holdWaits(held: Wait[] = []): Wait[] {
  server.answer((words, connection) => {
    if (words[0] !== "WAIT") return undefined;
    held.push({ words, connection });
    return silence;
  });
  return held;
}

/** Answers every WAIT in this way. */
function waits(answer: (words: readonly string[]) => string | undefined): void {
  server.answer((words) => (words[0] === "WAIT" ? answer(words) : undefined));
}

/** The connection that named itself with a role, the last one of them. */
function connectionOf(role: string): number | undefined {
  const named = server.received.filter(({ words }) => words[1] === "setname" && words[2] === `test:${role}:one`);
  return named.at(-1)?.connection.number;
}

/** The scripts and WAITs that came over the lanes, in order. */
function onLanes(): readonly string[] {
  const shared = connectionOf("command");
  return server.received
    .filter(({ words, connection }) => /^(EVAL|EVALSHA|WAIT)$/.test(words[0] ?? "") && connection.number !== shared)
    .map(({ words }) => (words[0] === "WAIT" ? words.slice(0, 2).join(" ") : "script"));
}

function scripts(): number {
  return server.count("EVAL") + server.count("EVALSHA");
}

const times = (count: number, what: string): readonly string[] => Array.from({ length: count }, () => what);

/** Resolves when the one WAIT that is held has come. */
function untilHeld(held: readonly Wait[], count = 1): Promise<unknown> {
  return until(() => held.length === count, { what: `${count} WAITs to be held` });
}

/** The same, with time passing. */
async function passUntilHeld(held: readonly Wait[], count: number): Promise<void> {
  const passed = async (): Promise<boolean> => {
    if (held.length < count) await elapse(clock, 20);
    return held.length === count;
  };
  await until(passed, { what: `${count} WAITs to be held`, every: 1 });
}

describe("the pipeline of a lane", () => {
  test("is what one turn brings and one WAIT, on a connection of its own, in one write", async () => {
    const backend = await openReady();
    waits(() => integer(2));
    // Opens the lane.
    expect(await write(backend, { replicas: 1 })).toEqual(["OK"]);
    const before = server.chunks;
    await writes(backend, 64, { replicas: 2 });
    expect(server.chunks).toBe(before + 1);
    expect(onLanes()).toEqual(["script", "WAIT 1", ...times(64, "script"), "WAIT 2"]);
    expect(server.accepted).toBe(2);
  });

  test("is followed by one for all who came meanwhile, with the most that any of them asks", async () => {
    const backend = await openReady();
    const held = holdWaits();
    const first = write(backend, { replicas: 1 }, "first");
    await untilHeld(held);
    const others = [1, 3, 2].map((replicas, index) => write(backend, { replicas }, `other-${index}`));
    await settle();
    expect(onLanes()).toEqual(["script", "WAIT 1"]);
    held[0]?.connection.write(integer(1));
    expect(await first).toEqual(["OK"]);
    await untilHeld(held, 2);
    expect(onLanes()).toEqual(["script", "WAIT 1", ...times(3, "script"), "WAIT 3"]);
    held[1]?.connection.write(integer(3));
    await Promise.all(others);
    expect(server.count("WAIT")).toBe(2);
  });

  test("holds up no call that asks for no replicas", async () => {
    const backend = await openReady();
    const held = holdWaits();
    const durable = write(backend, { replicas: 1 });
    await untilHeld(held);
    expect(await write(backend)).toEqual(["OK"]);
    expect(await backend.read("test:room:{a}:x", [["get"]])).toEqual([null]);
    held[0]?.connection.write(integer(1));
    await durable;
  });

  test("brings the source of a script that the server has forgotten", async () => {
    const backend = await openReady();
    waits(() => integer(1));
    await write(backend, { replicas: 1 });
    let forgotten = false;
    server.answer(([name]) => {
      if (name === "WAIT") return integer(1);
      if (name !== "EVALSHA" || forgotten) return undefined;
      forgotten = true;
      return failure("NOSCRIPT No matching script. Please use EVAL.");
    });
    expect(await write(backend, { replicas: 1 })).toEqual(["OK"]);
    expect([server.count("EVAL"), server.count("EVALSHA")]).toEqual([2, 1]);
  });
});

describe("too few replicas", () => {
  test("are waited for so long as is asked, then the call fails with what the script answered", async () => {
    const backend = await openReady();
    const asked: number[] = [];
    server.answer(([name, , timeout]) => {
      if (name === "EVAL") return list(bulk("OK"), integer(7));
      if (name !== "WAIT") return undefined;
      asked.push(Number(timeout));
      clock.advance(Number(timeout));
      return integer(1);
    });
    const error = await rejection<NotReplicatedError>(write(backend, { replicas: 2 }));
    expect(error).toBeInstanceOf(NotReplicatedError);
    expect(error).toMatchObject({
      code: "ERR_FLEET_NOT_REPLICATED",
      executed: "yes",
      retryable: true,
      status: 503,
      reply: ["OK", 7],
    });
    expect(error.message).toContain("after 1000 ms 1 of 2 replicas have it");
    expect(asked).toEqual([400, 400, 200]);
    asked.length = 0;
    expect(await rejection(write(backend, { replicas: 2, within: 100 }))).toMatchObject({ executed: "yes" });
    expect(asked).toEqual([100]);
    expect(backend.stats()).toMatchObject({ pending: 0, timeouts: 0 });
  });

  test("are known before the deadline of the call, however short that is, and never asked for without a limit", async () => {
    const backend = await openReady();
    const asked: number[] = [];
    waits(([, , timeout]) => {
      asked.push(Number(timeout));
      clock.advance(Number(timeout));
      return integer(0);
    });
    expect(await rejection(write(backend, { replicas: 1, deadline: 300 }))).toMatchObject({ executed: "yes" });
    expect(await rejection(write(backend, { replicas: 1, deadline: 20 }))).toMatchObject({ executed: "yes" });
    expect(asked).toEqual([250, 1]);
  });

  test("for one call do not keep those that ask for less, nor those who come later", async () => {
    const backend = await openReady();
    const held = holdWaits();
    const most = rejection(write(backend, { replicas: 3 }, "most"));
    const less = write(backend, { replicas: 1 }, "less");
    await untilHeld(held);
    const later = write(backend, { replicas: 1 }, "later");
    await clock.advanceAsync(400);
    held[0]?.connection.write(integer(1));
    await less;
    await untilHeld(held, 2);
    expect(onLanes()).toEqual(["script", "script", "WAIT 3", "script", "WAIT 3"]);
    await clock.advanceAsync(600);
    held[1]?.connection.write(integer(1));
    await later;
    expect(await most).toMatchObject({ code: "ERR_FLEET_NOT_REPLICATED" });
  });
});

describe("all replicas", () => {
  test("of one server are those that it says are connected, also one that has just come", async () => {
    const replicas = { connected_slaves: "1" };
    const asked: string[] = [];
    server.answer(([name, count]) => {
      if (name === "INFO") return info(replicas);
      if (name !== "WAIT") return undefined;
      asked.push(String(count));
      return integer(Number(count));
    });
    const backend = await openReady();
    await write(backend, { replicas: "all" });
    replicas.connected_slaves = "2";
    await write(backend, { replicas: "all" });
    await write(backend, { replicas: "all" });
    replicas.connected_slaves = "0";
    await write(backend, { replicas: "all" });
    await write(backend, { replicas: "all" });
    expect(asked).toEqual(["1", "1", "2", "2", "2", "1"]);
  });

  const record = (port: number, flags: string): string =>
    list(bulk("ip"), bulk("127.0.0.1"), bulk("port"), bulk(String(port)), bulk("flags"), bulk(flags));
  const away = list(record(1, "slave,s_down"), record(2, "slave,disconnected"));

  /** Behind sentinels of which one knows two replicas, both away, and the others none; with the numbers that WAIT asks for. */
  async function behindSentinels(count: number, knowing?: number): Promise<[FakeSentinels, string[]]> {
    const fakes = await FakeSentinels.start(count, 1);
    if (knowing !== undefined)
      fakes.answer(knowing, ([name, question]) => (name === "SENTINEL" && question === "replicas" ? away : undefined));
    const asked: string[] = [];
    fakes.data[0]?.answer(([name, number]) => {
      if (name !== "WAIT") return undefined;
      asked.push(String(number));
      return integer(Number(number));
    });
    return [fakes, asked];
  }

  test.each([0, 1])("behind sentinels are those that any of them knows, those too that are away", async (knowing) => {
    const [fakes, asked] = await behindSentinels(2, knowing);
    const backend = fakes.open(clock, { nodes: fakes.sentinels.map(({ address }) => address) });
    await write(backend, { replicas: "all" });
    expect(asked).toEqual(["2"]);
    expect(backend.topology().nodes.filter(({ role }) => role === "replica")).toEqual([]);
  });

  test("are one at least, where none is known", async () => {
    const [fakes, asked] = await behindSentinels(1);
    await write(fakes.open(clock), { replicas: "all" });
    expect(asked).toEqual(["1"]);
  });

  test("are not guessed before the sentinels have told of them", async () => {
    const [fakes, asked] = await behindSentinels(3);
    let release: (() => void) | undefined;
    fakes.answer(2, ([name, question], connection) => {
      if (name !== "SENTINEL") return undefined;
      if (question === "replicas") return away;
      if (question !== "myid") return undefined;
      // The last that it is asked.
      release = () => connection.write(bulk("slow"));
      return silence;
    });
    const backend = fakes.open(clock, { nodes: fakes.sentinels.map(({ address }) => address) });
    await backend.ready();
    await until(() => release !== undefined, { what: "the last sentinel to be asked" });
    const call = write(backend, { replicas: "all" });
    expect(await write(backend, { replicas: 1 })).toEqual(["OK"]);
    await settle();
    expect(asked).toEqual(["1"]);
    release?.();
    await call;
    expect(asked).toEqual(["1", "2"]);
  });
});

describe("a lane that ends", () => {
  test("with a WAIT outstanding has its calls sent again, over a new one", async () => {
    const backend = await openReady();
    const held = holdWaits();
    const call = write(backend, { replicas: 1 });
    await untilHeld(held);
    held[0]?.connection.reset();
    await passUntilHeld(held, 2);
    held[1]?.connection.write(integer(1));
    expect(await call).toEqual(["OK"]);
    expect(onLanes()).toEqual(["script", "WAIT 1", "script", "WAIT 1"]);
  });

  test("and does not come back leaves `maybe`", async () => {
    const backend = await openReady();
    const held = holdWaits();
    const call = rejection(write(backend, { replicas: 1, deadline: 2_000 }));
    await untilHeld(held);
    await server.stop();
    await elapse(clock, 2_000);
    expect(await call).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "maybe" });
  });

  test("because its server is a replica by now has its calls sent again, and they may have been executed", async () => {
    const backend = await openReady();
    waits(() => failure("UNBLOCKED force unblock from blocking operation, instance state changed"));
    const call = rejection(write(backend, { replicas: 1, deadline: 1_000 }));
    await elapse(clock, 1_000, 50);
    expect(await call).toMatchObject({ executed: "maybe" });
    expect(scripts()).toBeGreaterThan(1);
    expect(await write(backend)).toEqual(["OK"]);
  });

  test("because its server is frozen is noticed as on the shared connection", async () => {
    const backend = await openReady();
    const held = holdWaits();
    const call = write(backend, { replicas: 1 });
    await untilHeld(held);
    const since = clock.monotonic();
    await passUntilHeld(held, 2);
    expect(clock.monotonic() - since).toBeLessThan(3_000);
    held[1]?.connection.write(integer(1));
    expect(await call).toEqual(["OK"]);
  });

  test("because another server took over has its calls sent to that one at once", async () => {
    const fakes = await FakeSentinels.start(1, 2);
    const [former, next] = fakes.data as [FakeServer, FakeServer];
    former.answer(([name]) => (name === "WAIT" ? silence : undefined));
    next.answer(([name]) => (name === "WAIT" ? integer(1) : undefined));
    const backend = fakes.open(clock);
    const call = write(backend, { replicas: 1 });
    await until(() => former.count("WAIT") === 1, { what: "the WAIT" });
    const since = clock.monotonic();
    fakes.agree(1);
    fakes.publish("+switch-master", `mymaster ${former.host} ${former.port} ${next.host} ${next.port}`);
    const taken = async (): Promise<boolean> => {
      if (next.count("WAIT") === 0) await elapse(clock, 20);
      return next.count("WAIT") === 1;
    };
    await until(taken, { what: "the new primary to be asked", every: 1 });
    expect(await call).toEqual(["OK"]);
    // By its silence the former one would be left after two seconds.
    expect(clock.monotonic() - since).toBeLessThan(1_000);
    await until(() => former.open === 0, { what: "the former lane to end" });
  });

  test("is not begun at a server that is known to be away", async () => {
    const backend = await openReady();
    await server.stop();
    const late = rejection(write(backend));
    await elapse(clock, 9_000);
    await late;
    let failed: unknown;
    void rejection(write(backend, { replicas: 1 })).then((error) => {
      failed = error;
    });
    await settle();
    expect(failed).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
  });

  test("at a server that does not let it in makes calls fail with the reason, at once after 8 s", async () => {
    const backend = await openReady();
    const shared = connectionOf("command");
    server.answer(([name], connection) =>
      name === "INFO" && connection.number !== shared ? failure("LOADING Redis is loading the dataset") : undefined,
    );
    const early = rejection(write(backend, { replicas: 1, deadline: 2_000 }));
    const late = rejection(write(backend, { replicas: 1 }));
    await elapse(clock, 9_000);
    expect((await early).message).toMatch(/not ready within 2000 ms .*LOADING/);
    expect(await late).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    const refused = await rejection(write(backend, { replicas: 1 }));
    expect(refused).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    expect(refused.message).toMatch(/LOADING/);
    expect(await write(backend)).toEqual(["OK"]);
  });
});

describe("a lane at rest", () => {
  test("is closed after 30 s without a call, and opened again by the next", async () => {
    const backend = await openReady();
    waits(() => integer(1));
    await write(backend, { replicas: 1 });
    await elapse(clock, 20_000, 500);
    await write(backend, { replicas: 1 });
    await elapse(clock, 29_500, 500);
    expect(server.open).toBe(2);
    await elapse(clock, 500);
    await until(() => server.open === 1, { what: "the lane to be closed" });
    expect(await write(backend, { replicas: 1 })).toEqual(["OK"]);
    expect(server.accepted).toBe(3);
  });

  test("is not at rest while replicas are waited for", async () => {
    const backend = await openReady();
    let enough = false;
    waits(([, , timeout]) => {
      if (!enough) clock.advance(Number(timeout));
      return integer(enough ? 1 : 0);
    });
    const call = write(backend, { replicas: 1, deadline: 60_000, within: 50_000 });
    await until(() => clock.monotonic() > 40_000, { what: "the time to pass", every: 1 });
    enough = true;
    expect(await call).toEqual(["OK"]);
    expect(scripts()).toBe(1);
  });
});

describe("the end of the fleet", () => {
  test("while it drains, calls that wait for their turn in a lane still have it", async () => {
    const backend = await openReady();
    const held = holdWaits();
    const first = write(backend, { replicas: 1 }, "first");
    await untilHeld(held);
    const second = write(backend, { replicas: 1 }, "second");
    backend.drain();
    held[0]?.connection.write(integer(1));
    await first;
    await untilHeld(held, 2);
    held[1]?.connection.write(integer(1));
    expect(await second).toEqual(["OK"]);
  });

  test("ends the lanes, with what they owe", async () => {
    const backend = await openReady();
    const held = holdWaits();
    const sent = rejection(write(backend, { replicas: 1 }, "sent"));
    await untilHeld(held);
    const waiting = rejection(write(backend, { replicas: 1 }, "waiting"));
    await backend.close();
    expect(await sent).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "maybe" });
    expect(await waiting).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "no" });
    await until(() => server.open === 0, { what: "the connections to end" });
    await settle();
    expect(clock.timers).toBe(0);
  });

  test("ends a lane that is still being tried", async () => {
    const backend = await openReady();
    const shared = connectionOf("command");
    server.answer(([name], connection) =>
      name === "INFO" && connection.number !== shared ? failure("LOADING Redis is loading the dataset") : undefined,
    );
    const call = rejection(write(backend, { replicas: 1 }));
    await until(() => server.accepted > 1 && server.open === 1, { what: "the lane to be refused" });
    await settle();
    await backend.close();
    expect(await call).toMatchObject({ code: "ERR_FLEET_CLOSED", executed: "no" });
    expect(clock.timers).toBe(0);
  });
});

test("a call that finds the lane taken until its deadline was not executed", async () => {
  const backend = await openReady();
  const held = holdWaits();
  const first = write(backend, { replicas: 1 }, "first");
  await untilHeld(held);
  const second = rejection(write(backend, { replicas: 1, deadline: 300 }, "second"));
  await clock.advanceAsync(300);
  expect(await second).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
  held[0]?.connection.write(integer(1));
  await first;
  await settle();
  expect(scripts()).toBe(1);
});

test("a lane is in the same database", async () => {
  const backend = await openReady({ database: 2 });
  waits(() => integer(1));
  await write(backend, { replicas: 1 });
  const selected = server.received.filter(({ words }) => words[0] === "SELECT");
  expect(selected.map(({ words, connection }) => [connection.number, words[1]])).toEqual([
    [connectionOf("command"), "2"],
    [connectionOf("durable"), "2"],
  ]);
});

test("changed credentials sign in on a lane too", async () => {
  let password = "old";
  const backend = await openReady({
    password: () => Promise.resolve({ password, expiresAt: clock.now() + 10_000 }),
  });
  waits(() => integer(1));
  await write(backend, { replicas: 1 });
  const lane = connectionOf("durable");
  password = "new";
  await elapse(clock, 10_000);
  const onLane = server.received.filter(({ words, connection }) => words[0] === "AUTH" && connection.number === lane);
  expect(onLane.map(({ words }) => words.at(-1))).toEqual(["old", "new"]);
});
