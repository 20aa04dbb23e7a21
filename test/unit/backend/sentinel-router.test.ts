import { beforeEach, describe, expect, test } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { FakeSentinels } from "./fake-sentinels.js";
import { bulk, failure, info, list, silence, type FakeServer } from "./fake-server.js";
import { elapse, rejection, remember, settle } from "./open-backend.js";

// What is learned from sentinels, on a clock that stands still; what real ones do is in test/scenario.

let clock: FakeClock;
beforeEach(() => {
  clock = new FakeClock();
});

function write(backend: RedisBackend, operation = "op", deadline = 8_000): Promise<unknown> {
  return backend.run(remember, { keys: { key: "test:room:{a}:x" }, args: { operation } }, { deadline });
}

async function pass(check: () => unknown, what: string, step = 50): Promise<void> {
  await until(
    async () => {
      if (check()) return true;
      await elapse(clock, step);
      return check();
    },
    { what, every: 1 },
  );
}

async function openReady(fakes: FakeSentinels, more: Parameters<FakeSentinels["open"]>[1] = {}): Promise<RedisBackend> {
  const backend = fakes.open(clock, more);
  await backend.ready();
  return backend;
}

/** Waits until each sentinel has exactly its watcher. */
function untilWatched(fakes: FakeSentinels, ...connections: number[]): Promise<void> {
  return pass(
    () => fakes.connections().join() === connections.join(),
    `connections ${connections.join()} to the sentinels`,
  );
}

describe("from one seed", () => {
  test("all sentinels are learned; each has one watcher, the primary one connection, and no question stays open", async () => {
    const fakes = await FakeSentinels.start();
    const backend = await openReady(fakes);
    expect(await write(backend)).toEqual(["OK"]);
    await elapse(clock, 16_000, 500);
    await untilWatched(fakes, 1, 1, 1);
    expect(fakes.data.map((server) => server.open)).toEqual([1, 0]);
    const roles = fakes.sentinels.map((server) =>
      server.received.filter(({ words }) => words[0] === "CLIENT").map(({ words }) => words[2]),
    );
    for (const names of roles) expect(names.filter((name) => name === "test:watch:one")).toHaveLength(1);
  });

  test("that is a name, the sentinel behind it is asked and watched once, and has one vote", async () => {
    const fakes = await FakeSentinels.start();
    const [first] = fakes.sentinels;
    const backend = await openReady(fakes, { nodes: [{ host: "localhost", port: first?.port ?? 0 }] });
    await elapse(clock, 32_000, 500);
    await untilWatched(fakes, 1, 1, 1);
    expect(backend.topology().nodes.filter(({ role }) => role === "sentinel")).toHaveLength(3);
    const asked = fakes.questions();
    const rounds = (): number[] => fakes.questions().map((count, index) => count - (asked[index] ?? 0));
    await pass(() => Math.min(...rounds()) >= 3, "three more rounds of questions", 500);
    expect(Math.max(...rounds())).toBeLessThanOrEqual(4);
  });

  test("sentinels that do not tell their id are learned, too", async () => {
    const fakes = await FakeSentinels.start();
    fakes.tellId = false;
    await openReady(fakes);
    await elapse(clock, 16_000, 500);
    await untilWatched(fakes, 1, 1, 1);
  });

  test("the topology names the primary and the sentinels", async () => {
    const fakes = await FakeSentinels.start();
    const backend = await openReady(fakes);
    await elapse(clock, 16_000, 500);
    const [primary] = fakes.data.map(({ host, port }) => ({
      id: `${host}:${port}`,
      host,
      port,
      role: "primary",
      state: "connected",
    }));
    const sentinels = fakes.sentinels.map(({ host, port }) => ({
      id: `${host}:${port}`,
      host,
      port,
      role: "sentinel",
      state: "connected",
    }));
    expect(backend.topology()).toEqual({ kind: "sentinel", nodes: [primary, ...sentinels] });
  });

  test("a sentinel of which nobody knows any more is forgotten, a seed never", async () => {
    const fakes = await FakeSentinels.start(4);
    await openReady(fakes);
    await elapse(clock, 16_000, 500);
    await untilWatched(fakes, 1, 1, 1, 1);
    await Promise.all([fakes.sentinels[0]?.stop(), fakes.sentinels[3]?.stop()]);
    for (const others of fakes.others)
      others.splice(0, others.length, ...others.filter((index) => index !== 0 && index !== 3));
    await elapse(clock, 20_000, 500);
    const dialled = fakes.sentinels.map((server) => server.accepted);
    await Promise.all([fakes.sentinels[0]?.resume(), fakes.sentinels[3]?.resume()]);
    await elapse(clock, 30_000, 500);
    expect(fakes.sentinels[0]?.accepted).toBeGreaterThan(dialled[0] ?? 0);
    expect(fakes.sentinels[3]?.accepted).toBe(dialled[3]);
  });
});

describe("the primary", () => {
  test("is the one that most sentinels name", async () => {
    const fakes = await FakeSentinels.start();
    fakes.opinions.splice(0, 3, 1, 0, 0);
    const backend = await openReady(fakes, { nodes: fakes.sentinels.map(({ address }) => address) });
    await write(backend);
    expect(fakes.data.map((server) => server.count("EVAL"))).toEqual([1, 0]);
  });

  test("is the one of the newest failover, though two have not heard of it; the former one that came back is not followed", async () => {
    const fakes = await FakeSentinels.start();
    const backend = await openReady(fakes);
    await elapse(clock, 1_000);
    await untilWatched(fakes, 1, 1, 1);
    fakes.opinions[2] = 1;
    fakes.epochs[2] = 1;
    const [one, two] = fakes.data.map(({ host, port }) => `${host} ${port}`);
    fakes.publish("+switch-master", `mymaster ${one} ${two}`);
    await elapse(clock, 1_000, 100);
    await write(backend);
    expect(fakes.data.map((server) => server.count("EVAL"))).toEqual([0, 1]);
    await fakes.sentinels[2]?.stop();
    await elapse(clock, 3_000, 100);
    await write(backend, "again");
    expect(fakes.data[0]?.count("EVAL")).toBe(0);
  });

  test("is found though one sentinel is frozen, without waiting for it", async () => {
    const fakes = await FakeSentinels.start();
    fakes.answer(1, () => silence);
    const backend = await openReady(fakes, { nodes: fakes.sentinels.map(({ address }) => address) });
    expect(await write(backend)).toEqual(["OK"]);
    // Its question is still under way.
    expect(fakes.connections()[1]).toBe(1);
  });

  test("stays in use when no sentinel is left", async () => {
    const fakes = await FakeSentinels.start();
    const backend = await openReady(fakes);
    await Promise.all(fakes.sentinels.map((server) => server.stop()));
    await elapse(clock, 52_000, 1_000);
    expect(backend.state).toBe("degraded");
    expect(await write(backend)).toEqual(["OK"]);
    await fakes.sentinels[0]?.resume();
    const before = clock.monotonic();
    await pass(() => backend.state === "ready", "the sentinel to be found again");
    expect(clock.monotonic() - before).toBeLessThanOrEqual(1_000);
  });

  test("is asked for every quarter of a minute while it is there, twice a second while it is away", async () => {
    const fakes = await FakeSentinels.start(1);
    const backend = await openReady(fakes);
    await elapse(clock, 1_000);
    const asked = fakes.questions()[0] ?? 0;
    await elapse(clock, 14_000, 500);
    expect(fakes.questions()).toEqual([asked]);
    await elapse(clock, 2_000, 500);
    expect(fakes.questions()).toEqual([asked + 1]);
    await fakes.data[0]?.stop();
    await pass(() => backend.state === "degraded", "the loss to be seen", 1);
    const before = fakes.questions()[0] ?? 0;
    await elapse(clock, 5_000, 100);
    expect((fakes.questions()[0] ?? 0) - before).toBeGreaterThanOrEqual(9);
    expect((fakes.questions()[0] ?? 0) - before).toBeLessThanOrEqual(60);
  });
});

describe("a failover", () => {
  test("that a sentinel announces is followed at once; what was under way is sent again; the old connection ends", async () => {
    const fakes = await FakeSentinels.start();
    const backend = await openReady(fakes);
    await elapse(clock, 1_000);
    await untilWatched(fakes, 1, 1, 1);
    const events: unknown[] = [];
    backend.on("failover", (event) => events.push(event));
    fakes.data[0]?.answer(([name]) => (name?.startsWith("EVAL") === true ? silence : undefined));
    const underWay = write(backend);
    await until(() => fakes.data[0]?.count("EVAL") === 1, { what: "the call to be sent" });
    fakes.agree(1);
    const [one, two] = fakes.data.map(({ host, port }) => `${host}:${port}`);
    fakes.publish("+switch-master", `mymaster ${one?.replace(":", " ")} ${two?.replace(":", " ")}`);
    await pass(() => backend.stats().pending === 0, "the call to succeed", 5);
    expect(await underWay).toEqual(["OK"]);
    expect(clock.monotonic()).toBeLessThan(5_000 + 1_000 + 500);
    await until(() => fakes.data.map((server) => server.open).join() === "0,1", { what: "the old connection to end" });
    expect(events).toEqual([{ from: one, to: two }]);
    expect(backend.topology().nodes[0]).toMatchObject({ id: two, role: "primary" });
  });

  test("makes us ask every two seconds for ten: its replicas are back only after a while", async () => {
    const fakes = await FakeSentinels.start(1);
    await openReady(fakes);
    await elapse(clock, 1_000);
    await untilWatched(fakes, 1);
    fakes.agree(1);
    const [one, two] = fakes.data.map(({ host, port }) => `${host} ${port}`);
    fakes.publish("+switch-master", `mymaster ${one} ${two}`);
    await elapse(clock, 1_000, 100);
    const asked = fakes.questions()[0] ?? 0;
    await elapse(clock, 8_000, 500);
    const settling = (fakes.questions()[0] ?? 0) - asked;
    expect(settling).toBeGreaterThanOrEqual(3);
    expect(settling).toBeLessThanOrEqual(5);
    await elapse(clock, 4_000, 500);
    const settled = fakes.questions()[0] ?? 0;
    await elapse(clock, 8_000, 500);
    expect((fakes.questions()[0] ?? 0) - settled).toBeLessThanOrEqual(1);
  });

  test("of another primary that the sentinels watch is none of ours", async () => {
    const fakes = await FakeSentinels.start();
    await openReady(fakes);
    await elapse(clock, 1_000);
    await untilWatched(fakes, 1, 1, 1);
    const asked = fakes.questions();
    for (const name of ["other", "mymaster2", "my"]) fakes.publish("+switch-master", `${name} 127.0.0.1 1 127.0.0.1 2`);
    await elapse(clock, 1_000);
    expect(fakes.questions()).toEqual(asked);
  });

  test("that no message told is found by asking", async () => {
    const fakes = await FakeSentinels.start();
    const backend = await openReady(fakes);
    fakes.agree(1);
    await elapse(clock, 16_000, 500);
    await write(backend);
    expect(fakes.data.map((server) => server.count("EVAL"))).toEqual([0, 1]);
  });

  test("to a server that still calls itself a replica waits for its promotion", async () => {
    const fakes = await FakeSentinels.start();
    const backend = await openReady(fakes);
    fakes.data[1]?.answer(([name]) => (name === "INFO" ? info({ role: "slave" }) : undefined));
    fakes.agree(1);
    fakes.data[0]?.answer(() => failure("READONLY You can't write against a read only replica."));
    const call = write(backend);
    await elapse(clock, 2_000, 50);
    expect(backend.stats().pending).toBe(1);
    fakes.data[1]?.answer(() => undefined);
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    expect(await call).toEqual(["OK"]);
    expect(fakes.data[1]?.count("EVAL")).toBe(1);
  });

  test("that raises many doubts asks each sentinel a few times a second", async () => {
    const fakes = await FakeSentinels.start(1);
    const backend = await openReady(fakes);
    await elapse(clock, 1_000);
    const asked = fakes.questions()[0] ?? 0;
    fakes.data[0]?.answer(([name]) =>
      name?.startsWith("EVAL") === true ? failure("READONLY You can't write against a read only replica.") : undefined,
    );
    const calls = Array.from({ length: 50 }, (_, index) => rejection(write(backend, `op-${index}`, 1_000)));
    await pass(() => backend.stats().pending === 0, "the deadline", 10);
    await Promise.all(calls);
    expect(backend.stats().reconnects).toBeGreaterThan(5);
    expect((fakes.questions()[0] ?? 0) - asked).toBeLessThanOrEqual(6);
  });
});

describe("a watcher", () => {
  test("that a sentinel refuses is warned of, once", async () => {
    const fakes = await FakeSentinels.start(1);
    fakes.answer(0, ([name]) => (name === "SUBSCRIBE" ? failure("NOPERM this user has no permissions") : undefined));
    const backend = await openReady(fakes);
    const warnings: { readonly code: string; readonly message: string }[] = [];
    backend.on("warning", (warning) => warnings.push(warning));
    await elapse(clock, 30_000, 500);
    const [address] = fakes.sentinels.map(({ host, port }) => `${host}:${port}`);
    expect(warnings.map(({ code }) => code)).toEqual(["WARN_FLEET_SENTINEL_UNWATCHED"]);
    expect(warnings[0]?.message).toContain(`the sentinel ${address} does not let us listen`);
  });

  test("comes back when its sentinel does", async () => {
    const fakes = await FakeSentinels.start();
    await openReady(fakes);
    await elapse(clock, 1_000);
    await untilWatched(fakes, 1, 1, 1);
    for (const server of fakes.sentinels) server.reset();
    await elapse(clock, 6_000, 100);
    await untilWatched(fakes, 1, 1, 1);
  });

  test("that may not subscribe is tried again, with pauses", async () => {
    const fakes = await FakeSentinels.start(1);
    fakes.answer(0, ([name]) => (name === "SUBSCRIBE" ? failure("NOPERM this user has no permissions") : undefined));
    const backend = await openReady(fakes);
    const [sentinel] = fakes.sentinels;
    await elapse(clock, 30_000, 100);
    expect(sentinel?.count("SUBSCRIBE")).toBeGreaterThan(3);
    expect(sentinel?.count("SUBSCRIBE")).toBeLessThan(60);
    expect(backend.state).toBe("ready");
  });
});

test("events: the topology is told when it changes, not each time that it is looked at", async () => {
  const fakes = await FakeSentinels.start(1);
  await Promise.all(fakes.sentinels.map((server) => server.stop()));
  const backend = fakes.open(clock);
  const events: string[] = [];
  backend.on("topology", ({ nodes }) => events.push(nodes.map(({ role }) => role).join()));
  await elapse(clock, 20_000, 500);
  expect(backend.state).toBe("down");
  expect(events).toHaveLength(1);
  await fakes.sentinels[0]?.resume();
  await pass(() => backend.state === "ready", "the primary to be found");
  await elapse(clock, 20_000, 500);
  expect(events).toEqual(["sentinel", "primary,sentinel"]);
});

test("closing ends every connection and timer, also in the middle of a question", async () => {
  const fakes = await FakeSentinels.start();
  const backend = await openReady(fakes);
  await elapse(clock, 1_000);
  await untilWatched(fakes, 1, 1, 1);
  fakes.answer(0, () => silence);
  await elapse(clock, 15_000, 500);
  await backend.close();
  await until(() => fakes.connections().join() === "0,0,0", { what: "the connections to end" });
  await until(() => fakes.data.every((server) => server.open === 0), { what: "the primary's connection to end" });
  await settle();
  expect(clock.timers).toBe(0);
});

describe("a replica that is of no use from here", () => {
  async function warning(useless: (fakes: FakeSentinels) => Promise<void> | void): Promise<string> {
    const fakes = await FakeSentinels.start(1, 2);
    const [, replica] = fakes.data as [FakeServer, FakeServer];
    await useless(fakes);
    fakes.answer(0, ([name, question]) =>
      name === "SENTINEL" && question === "replicas"
        ? list(
            list(
              bulk("ip"),
              bulk(replica.host),
              bulk("port"),
              bulk(String(replica.port)),
              bulk("flags"),
              bulk("slave"),
            ),
          )
        : undefined,
    );
    const backend = fakes.open(clock, { password: "pw" });
    const warnings: { readonly code: string; readonly message: string }[] = [];
    backend.on("warning", (given) => warnings.push(given));
    await backend.ready();
    await pass(() => warnings.length > 0, "the warning", 500);
    expect(warnings.map(({ code }) => code)).toEqual(["WARN_FLEET_NODE_UNREACHABLE"]);
    expect(warnings[0]?.message).toContain(`the topology names 127.0.0.1:${replica.port} (replica)`);
    return warnings[0]?.message ?? "";
  }

  test("is named with the way to its address when it cannot be dialled", async () => {
    expect(await warning((fakes) => fakes.data[1]?.stop())).toContain("FLEET_ADDRESS_MAP");
  });

  test("is named with the way to its password when it refuses that", async () => {
    const message = await warning((fakes) => {
      fakes.data[1]?.answer(([name]) =>
        name === "AUTH" ? failure("WRONGPASS invalid username-password pair") : undefined,
      );
    });
    expect(message).toContain("FLEET_PASSWORD");
    expect(message).not.toContain("FLEET_ADDRESS_MAP");
  });
});
