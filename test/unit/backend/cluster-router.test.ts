import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { slotOf } from "../../../src/backend/redis/slot.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { FakeCluster } from "./fake-cluster.js";
import { bulk, failure, list, ok, silence } from "./fake-server.js";
import { elapse, look, rejection, remember, settle } from "./open-backend.js";

// The cluster's topology on a clock that stands still; what real servers do is in test/scenario.

let clock: FakeClock;
beforeEach(() => {
  clock = new FakeClock();
});

/** Keys in the lower, the middle and the upper third of the slots. */
const low = "test:room:{b}:x";
const middle = "test:room:{c}:x";
const high = "test:room:{a}:x";
const third = { low: [0, 5460], middle: [5461, 10922], high: [10923, 16383] } as const;

test("the keys of these tests lie where the tests think", () => {
  expect(slotOf(low)).toBeLessThanOrEqual(third.low[1]);
  expect(slotOf(middle)).toBeGreaterThanOrEqual(third.middle[0]);
  expect(slotOf(middle)).toBeLessThanOrEqual(third.middle[1]);
  expect(slotOf(high)).toBeGreaterThanOrEqual(third.high[0]);
});

function thirds(): Promise<FakeCluster> {
  return FakeCluster.start(4, [...third.low, 0], [...third.middle, 1], [...third.high, 2]);
}

function write(backend: RedisBackend, key: string, operation = "op", deadline = 8_000): Promise<unknown> {
  return backend.run(remember, { keys: { key }, args: { operation } }, { deadline });
}

/** Which server got how many scripts. */
function scripts(cluster: FakeCluster): number[] {
  return cluster.servers.map((server) => server.count("EVAL") + server.count("EVALSHA"));
}

function moved(key: string, cluster: FakeCluster, to: number): string {
  return failure(`MOVED ${slotOf(key)} 127.0.0.1:${cluster.at(to).port}`);
}

function isScript([name]: readonly string[]): boolean {
  return name === "EVAL" || name === "EVALSHA";
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

async function openReady(cluster: FakeCluster, more: Parameters<FakeCluster["open"]>[1] = {}): Promise<RedisBackend> {
  const backend = cluster.open(clock, more);
  await backend.ready();
  return backend;
}

describe("from one seed", () => {
  test("every primary gets one connection, and the question for the slots leaves none", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    await Promise.all([write(backend, low), write(backend, middle), write(backend, high)]);
    expect(scripts(cluster)).toEqual([1, 1, 1, 0]);
    await until(() => cluster.connections().join() === "1,1,1,0", { what: "one connection to each primary" });
    const names = cluster.servers
      .flatMap((server) => server.received.filter(({ words }) => words[0] === "CLIENT"))
      .map(({ words }) => words[2]);
    expect(names.sort()).toEqual(["test:command:one", "test:command:one", "test:command:one", "test:slots:one"]);
  });

  test("the topology names primaries with slots, replicas with their primary, and no secret", async () => {
    const cluster = await FakeCluster.start(3, [0, 8191, 0, 2], [8192, 16383, 1]);
    const backend = await openReady(cluster, { password: "s3cret" });
    const [one, two, three] = cluster.servers.map(({ host, port }) => ({ host, port }));
    expect(backend.topology()).toEqual({
      kind: "cluster",
      nodes: [
        { id: "id-0", ...one, role: "primary", slots: [[0, 8191]], state: "connected" },
        { id: "id-2", ...three, role: "replica", replicaOf: "id-0", state: "not-connected" },
        { id: "id-1", ...two, role: "primary", slots: [[8192, 16383]], state: "connected" },
      ],
    });
    expect(JSON.stringify(backend.topology())).not.toContain("s3cret");
  });

  test("several runs of slots of one primary are one node", async () => {
    const cluster = await FakeCluster.start(2, [0, 100, 0], [101, 200, 1], [201, 16383, 0]);
    const backend = await openReady(cluster);
    expect(backend.topology().nodes.map(({ slots }) => slots)).toEqual([
      [
        [0, 100],
        [201, 16383],
      ],
      [[101, 200]],
    ]);
    expect(backend.stats().connections).toBe(2);
  });
});

describe("while all is well", () => {
  test("the slots are asked for every quarter of a minute, over an open connection", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    await elapse(clock, 1_000);
    const asked = cluster.questions();
    const accepted = cluster.servers.map((server) => server.accepted);
    await elapse(clock, 12_000);
    expect(cluster.questions()).toBe(asked);
    await elapse(clock, 5_000);
    expect(cluster.questions()).toBe(asked + 1);
    expect(cluster.servers.map((server) => server.accepted)).toEqual(accepted);
    expect(backend.state).toBe("ready");
  });

  test("a server that lists the slots in another order changes nothing", async () => {
    const cluster = await FakeCluster.start(4, [0, 8191, 0, 2, 3], [8192, 16383, 1]);
    const backend = await openReady(cluster);
    const events: unknown[] = [];
    backend.on("topology", (topology) => events.push(topology));
    for (const index of [0, 1]) {
      cluster.answer(index, ([name]) =>
        name === "CLUSTER"
          ? cluster.slots([
              [8192, 16383, 1],
              [0, 8191, 0, 3, 2],
            ])
          : undefined,
      );
    }
    const asked = cluster.questions();
    await elapse(clock, 40_000, 500);
    expect(cluster.questions()).toBeGreaterThanOrEqual(asked + 2);
    expect(events).toEqual([]);
  });
});

describe("MOVED", () => {
  test("is followed at once, corrects its slot, and soon all slots", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    await write(backend, low);
    cluster.answer(0, (words) => (isScript(words) ? moved(low, cluster, 1) : undefined));
    cluster.ranges = [
      [...third.low, 1],
      [...third.middle, 1],
      [...third.high, 2],
    ];
    const asked = cluster.questions();
    await write(backend, low);
    await write(backend, low);
    expect(scripts(cluster)).toEqual([2, 2, 0, 0]);
    expect(backend.stats().redirects).toBe(1);
    await elapse(clock, 250, 50);
    expect(cluster.questions()).toBe(asked + 1);
    const other = Array.from({ length: 100 }, (_, index) => `test:room:{${index}}:x`).find(
      (key) => slotOf(key) <= third.low[1],
    );
    await write(backend, other as string);
    expect(backend.stats().redirects).toBe(1);
  });

  test("to a server that nobody knew connects to it", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    cluster.answer(0, (words) => (isScript(words) ? moved(low, cluster, 3) : undefined));
    const call = write(backend, low);
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    expect(await call).toEqual(["OK"]);
    expect(scripts(cluster)).toEqual([1, 0, 0, 1]);
  });

  test.each(["", "?"])("with the host %j means the host that said so", async (host) => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    cluster.answer(0, (words) =>
      isScript(words) ? failure(`MOVED ${slotOf(low)} ${host}:${cluster.at(1).port}`) : undefined,
    );
    expect(await write(backend, low)).toEqual(["OK"]);
    expect(scripts(cluster)).toEqual([1, 1, 0, 0]);
    // The same server under another name would have another connection.
    expect(cluster.connections()).toEqual([1, 1, 1, 0]);
  });

  test("in a circle pauses after some rounds and ends at the deadline", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      cluster.answer(from, (words) => (isScript(words) ? moved(low, cluster, to) : undefined));
    }
    const call = rejection(write(backend, low, "op", 1_000));
    await pass(() => backend.stats().pending === 0, "the deadline", 10);
    expect(["ERR_FLEET_UNAVAILABLE", "ERR_FLEET_TIMEOUT"]).toContain((await call).code);
    // 16 redirects for each of the pauses of 0 to 20, 40, 80 ... milliseconds.
    expect(backend.stats().redirects).toBeLessThan(16 * 40);
  });

  test("of many calls asks for the slots a few times a second", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    await elapse(clock, 1_000);
    // It says so of every slot and the slots say otherwise, as while a slot moves and nobody has told the others.
    cluster.answer(0, (words) => (isScript(words) ? moved(low, cluster, 1) : undefined));
    const asked = cluster.questions();
    for (let count = 0; count < 100; count += 1) {
      await write(backend, low, `op-${count}`);
      await elapse(clock, 10, 10);
    }
    expect(backend.stats().redirects).toBeGreaterThan(3);
    expect(cluster.questions() - asked).toBeLessThanOrEqual(6);
  });
});

describe("ASK", () => {
  test("is followed for this call alone, with ASKING and the source in one write", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    cluster.answer(0, (words) =>
      isScript(words) ? failure(`ASK ${slotOf(low)} 127.0.0.1:${cluster.at(1).port}`) : undefined,
    );
    // The importing server knows the script already: its hash alone would do, but not after ASKING failed once.
    await write(backend, middle);
    expect(await write(backend, low, "asked")).toEqual(["OK"]);
    expect(
      cluster
        .at(1)
        .calls()
        .slice(-2)
        .map(([name]) => name),
    ).toEqual(["ASKING", "EVAL"]);
    cluster.answer(0, () => undefined);
    await write(backend, low, "not asked");
    expect(cluster.at(0).calls().at(-1)?.at(-1)).toBe("not asked");
    expect(backend.stats().redirects).toBe(1);
  });

  test("of reads sends ASKING before each", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    cluster.answer(0, ([name]) =>
      name === "GET" || name === "PTTL" ? failure(`ASK ${slotOf(low)} 127.0.0.1:${cluster.at(1).port}`) : undefined,
    );
    cluster.answer(1, ([name]) =>
      name === "GET" ? bulk("value") : name === "PTTL" ? ":7\r\n" : name === "ASKING" ? ok : undefined,
    );
    expect(await backend.read(low, [["get"], ["pttl"]])).toEqual(["value", 7]);
    expect(
      cluster
        .at(1)
        .calls()
        .map(([name]) => name),
    ).toEqual(["ASKING", "GET", "ASKING", "PTTL"]);
  });

  test("to a server that nobody knew, which then answers TRYAGAIN, goes on until it is done", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    cluster.answer(0, (words) =>
      isScript(words) ? failure(`ASK ${slotOf(low)} 127.0.0.1:${cluster.at(3).port}`) : undefined,
    );
    let tries = 0;
    cluster.answer(3, (words) => {
      if (!isScript(words)) return undefined;
      tries += 1;
      return tries < 3 ? failure("TRYAGAIN Multiple keys request during rehashing of slot") : list(bulk("OK"));
    });
    const call = write(backend, low);
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    expect(await call).toEqual(["OK"]);
    expect(tries).toBe(3);
  });
});

test("a call that was redirected to a server which never comes goes back to the owner of its slot", async () => {
  const cluster = await thirds();
  await cluster.at(3).stop();
  // With the default the breaker of that server would end the call before the server is given up.
  const backend = await openReady(cluster, { timeouts: { command: 60_000 } });
  cluster.answer(0, (words) =>
    isScript(words) ? failure(`ASK ${slotOf(low)} 127.0.0.1:${cluster.at(3).port}`) : undefined,
  );
  const call = write(backend, low, "op", 60_000);
  await pass(() => scripts(cluster)[0] === 1, "the redirect");
  cluster.answer(0, () => undefined);
  await pass(() => backend.stats().pending === 0, "the call to succeed", 250);
  expect(await call).toEqual(["OK"]);
  expect(clock.monotonic()).toBeLessThan(5_000 + 45_000);
});

describe("a server that owns nothing any more", () => {
  test("loses its connection, after a while in which redirects may still name it", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    cluster.ranges = [
      [0, 10922, 1],
      [...third.high, 2],
    ];
    await elapse(clock, 1_000);
    expect(backend.topology().nodes.map(({ id }) => id)).toEqual(["id-1", "id-2"]);
    await elapse(clock, 9_000, 500);
    expect(cluster.at(0).open).toBe(1);
    await elapse(clock, 18_000, 500);
    expect(cluster.connections()).toEqual([0, 1, 1, 0]);
    const accepted = cluster.at(0).accepted;
    await elapse(clock, 20_000, 500);
    expect(cluster.at(0).accepted).toBe(accepted);
    await write(backend, low);
    expect(scripts(cluster)).toEqual([0, 1, 0, 0]);
  });

  test("that a redirect named and that never owned a slot goes the same way", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    cluster.answer(0, (words) =>
      isScript(words) ? failure(`ASK ${slotOf(low)} 127.0.0.1:${cluster.at(3).port}`) : undefined,
    );
    const call = write(backend, low);
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    await call;
    expect(cluster.at(3).open).toBe(1);
    await elapse(clock, 40_000, 500);
    expect(cluster.connections()).toEqual([1, 1, 1, 0]);
  });
});

describe("slots that nobody serves", () => {
  test("make their calls wait, the others go on, and they are asked for twice a second", async () => {
    const cluster = await FakeCluster.start(3, [...third.low, 0], [...third.high, 2]);
    const backend = await openReady(cluster);
    expect(backend.state).toBe("degraded");
    const waiting = write(backend, middle);
    const late = rejection(write(backend, middle, "late", 1_000));
    await write(backend, low);
    await elapse(clock, 1_100);
    expect(await late).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    cluster.ranges = [
      [...third.low, 0],
      [...third.middle, 1],
      [...third.high, 2],
    ];
    const before = clock.monotonic();
    await pass(() => backend.stats().pending === 0, "the slots to be found served");
    expect(clock.monotonic() - before).toBeLessThanOrEqual(1_000);
    expect(await waiting).toEqual(["OK"]);
    expect(backend.state).toBe("ready");
  });

  test("for as long as a call may wait make theirs fail at once, until they are served again", async () => {
    const cluster = await FakeCluster.start(3, [...third.low, 0], [...third.high, 2]);
    const backend = await openReady(cluster);
    const waiting = rejection(write(backend, middle, "op", 60_000));
    await elapse(clock, 9_000);
    expect(await waiting).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    // The clock stands still: these wait for nothing.
    expect((await rejection(write(backend, middle))).message).toContain("some slots are served by nobody");
    expect(await write(backend, low)).toEqual(["OK"]);
    cluster.ranges = [
      [...third.low, 0],
      [...third.middle, 1],
      [...third.high, 2],
    ];
    await pass(() => backend.state === "ready", "the slots to be found served");
    expect(await write(backend, middle)).toEqual(["OK"]);
  });
});

describe("one server that fails", () => {
  test("stops nobody else: its calls fail once its breaker is open, the others never do", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    await cluster.at(1).stop();
    await pass(() => backend.state === "degraded", "the loss to be seen", 1);
    const waiting = rejection(write(backend, middle, "op", 60_000));
    await elapse(clock, 9_000);
    expect(await waiting).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    // The clock stands still: these wait for nothing.
    for (let count = 0; count < 10; count += 1) {
      expect((await rejection(write(backend, middle, `op-${count}`))).executed).toBe("no");
      expect(await write(backend, low, `op-${count}`)).toEqual(["OK"]);
      expect(await write(backend, high, `op-${count}`)).toEqual(["OK"]);
    }
    expect(backend.state).toBe("degraded");
    expect(backend.topology().nodes.map(({ state }) => state)).toEqual(["connected", "down", "connected"]);
    await cluster.at(1).resume();
    await pass(() => backend.state === "ready", "the server to be found again");
    expect(await write(backend, middle)).toEqual(["OK"]);
  });

  test("by silence costs the question for the slots two seconds, not the five of the heartbeat", async () => {
    const cluster = await thirds();
    await openReady(cluster);
    await elapse(clock, 1_000);
    cluster.answer(0, () => silence);
    const silent = cluster.at(0).count("CLUSTER");
    await pass(
      () => {
        if (cluster.at(0).count("CLUSTER") > silent) return true;
        // A loss raises a doubt, and another one is asked first each time.
        cluster.at(2).reset();
        return false;
      },
      "the silent one to be asked",
      500,
    );
    const before = clock.monotonic();
    const asked = cluster.questions();
    await pass(() => cluster.questions() > asked, "the next one to be asked");
    expect(clock.monotonic() - before).toBeLessThanOrEqual(2_500);
  });

  test("leaves ready() to the others, once it is known to be down", async () => {
    const cluster = await thirds();
    await cluster.at(1).stop();
    const backend = cluster.open(clock);
    const ready = backend.ready();
    await elapse(clock, 7_000);
    expect(backend.state).toBe("starting");
    await elapse(clock, 2_000);
    await ready;
    expect(backend.state).toBe("degraded");
  });

  test("ready() that is called while all are away resolves when the first of them is back", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    await Promise.all(cluster.servers.map((server) => server.stop()));
    await pass(() => backend.stats().connections === 0, "the loss to be seen", 1);
    expect(backend.state).toBe("degraded");
    const ready = backend.ready();
    await cluster.at(0).resume();
    await pass(() => backend.stats().connections === 1, "the first server to be found again");
    await ready;
  });
});

describe("a failover", () => {
  test("is told with both addresses, once; so is the new topology, and calls go on", async () => {
    const cluster = await FakeCluster.start(3, [0, 8191, 0, 2], [8192, 16383, 1]);
    const backend = await openReady(cluster);
    const events: unknown[] = [];
    backend.on("failover", (event) => events.push(event));
    backend.on("topology", ({ nodes }) => events.push(nodes.map(({ id, role }) => `${id} ${role}`)));
    await cluster.at(0).stop();
    const call = write(backend, low);
    await pass(() => backend.state === "degraded", "the loss to be seen");
    cluster.ranges = [
      [0, 8191, 2],
      [8192, 16383, 1],
    ];
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    expect(await call).toEqual(["OK"]);
    await elapse(clock, 2_000);
    expect(events).toEqual([
      { from: `127.0.0.1:${cluster.at(0).port}`, to: `127.0.0.1:${cluster.at(2).port}` },
      ["id-2 primary", "id-1 primary"],
    ]);
    expect(backend.state).toBe("ready");
  });

  test("slots that move between primaries are a new topology and no failover", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    const events: string[] = [];
    backend.on("failover", () => events.push("failover"));
    backend.on("topology", () => events.push("topology"));
    cluster.ranges = [
      [0, 100, 1],
      [101, 5460, 0],
      [...third.middle, 1],
      [...third.high, 2],
    ];
    await elapse(clock, 17_000, 500);
    expect(events).toEqual(["topology"]);
  });
});

describe("what one server tells", () => {
  test("that others do not is corrected by another two seconds later, not at the next quarter of a minute", async () => {
    const cluster = await thirds();
    const backend = await openReady(cluster);
    await elapse(clock, 5_000);
    // Who is asked next has not heard yet that the middle moved.
    const stale = cluster.slots([
      [...third.low, 0],
      [...third.middle, 2],
      [...third.high, 2],
    ]);
    let told = 0;
    for (const index of [0, 1, 2]) {
      cluster.answer(index, ([name]) => {
        if (name !== "CLUSTER") return undefined;
        told += 1;
        return told === 1 ? stale : cluster.slots();
      });
    }
    await pass(() => told === 1, "the question of every quarter of a minute", 500);
    await elapse(clock, 100);
    expect(backend.topology().nodes.map(({ id }) => id)).toEqual(["id-0", "id-2"]);
    await elapse(clock, 2_400);
    expect(backend.topology().nodes.map(({ id }) => id)).toEqual(["id-0", "id-1", "id-2"]);
  });

  test("counts no longer when it owns nothing: it may be cut off, and tell what was before", async () => {
    const cluster = await thirds();
    const before = cluster.slots();
    const backend = await openReady(cluster);
    await elapse(clock, 5_000);
    // It goes on as if it were in office; the others have replaced it.
    cluster.answer(1, ([name]) => (name === "CLUSTER" ? before : undefined));
    cluster.ranges = [
      [...third.low, 0],
      [...third.middle, 3],
      [...third.high, 2],
    ];
    const owners = (): string =>
      backend
        .topology()
        .nodes.map(({ id }) => id)
        .join();
    await pass(() => owners() === "id-0,id-3,id-2", "the replacement to be known", 500);
    const changes: unknown[] = [];
    backend.on("topology", (topology) => changes.push(topology));
    const asked = cluster.questions();
    for (let loss = 0; loss < 10; loss += 1) {
      // A loss raises a doubt, and another one is asked first each time.
      cluster.at(2).reset();
      await elapse(clock, 700);
    }
    expect(cluster.questions() - asked).toBeGreaterThan(5);
    await elapse(clock, 30_000, 500);
    expect(changes).toEqual([]);
    expect(cluster.at(1).open).toBe(0);
  });
});

describe("finding the cluster again", () => {
  test("works through the servers that were known last, when the seed is gone", async () => {
    const cluster = await thirds();
    const seed = await FakeCluster.start(1);
    seed.answer(0, ([name]) => (name === "CLUSTER" ? cluster.slots() : undefined));
    const backend = await openReady(cluster, { nodes: [seed.at(0).address] });
    await seed.at(0).stop();
    for (const server of cluster.servers) server.reset();
    await pass(() => backend.stats().connections === 0, "the connections to be lost", 1);
    cluster.ranges = [
      [...third.low, 3],
      [...third.middle, 1],
      [...third.high, 2],
    ];
    const call = write(backend, low);
    await cluster.at(0).stop();
    await pass(() => backend.stats().pending === 0, "the call to succeed");
    expect(await call).toEqual(["OK"]);
    expect(scripts(cluster)[3]).toBe(1);
  });

  test("works through the seed, when all servers have other addresses", async () => {
    const cluster = await FakeCluster.start(5, [0, 8191, 1], [8192, 16383, 2]);
    const backend = await openReady(cluster);
    cluster.ranges = [
      [0, 8191, 3],
      [8192, 16383, 4],
    ];
    await Promise.all([cluster.at(1).stop(), cluster.at(2).stop()]);
    const calls = [write(backend, low), write(backend, high)];
    await pass(() => backend.stats().pending === 0, "the calls to succeed");
    expect(await Promise.all(calls)).toHaveLength(2);
    expect(scripts(cluster)).toEqual([0, 0, 0, 1, 1]);
  });

  test("fails in time while nobody answers, with the breaker of the search", async () => {
    const cluster = await thirds();
    await Promise.all(cluster.servers.map((server) => server.stop()));
    const backend = cluster.open(clock);
    const waiting = rejection(write(backend, low, "op", 60_000));
    await pass(() => backend.state === "down", "the breaker to open", 250);
    expect(await waiting).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    expect((await rejection(backend.run(look, { keys: { key: low }, args: {} }))).executed).toBe("no");
    await cluster.at(0).resume();
    await cluster.at(1).resume();
    await cluster.at(2).resume();
    await pass(() => backend.state === "ready", "the cluster to be found");
    await write(backend, low);
  });
});

test("closing ends every connection and timer, also in the middle of a question", async () => {
  const cluster = await thirds();
  const backend = await openReady(cluster);
  cluster.answer(0, ([name]) => (name === "CLUSTER" ? silence : undefined));
  cluster.answer(1, ([name]) => (name === "CLUSTER" ? silence : undefined));
  cluster.answer(2, ([name]) => (name === "CLUSTER" ? silence : undefined));
  await elapse(clock, 17_000);
  await backend.close();
  await until(() => cluster.connections().join() === "0,0,0,0", { what: "the connections to end" });
  await settle();
  expect(clock.timers).toBe(0);
});

test("many primaries are no leak, and Node does not warn of one", async () => {
  const warnings: string[] = [];
  const listener = (warning: Error): void => void warnings.push(warning.name);
  process.on("warning", listener);
  onTestFinished(() => void process.off("warning", listener));
  const size = 16_384 / 16;
  const ranges = Array.from({ length: 16 }, (_, index) => [index * size, (index + 1) * size - 1, index] as const);
  const cluster = await FakeCluster.start(16, ...ranges);
  const backend = cluster.open(clock);
  await backend.ready();
  expect(backend.stats().connections).toBe(16);
  await nextTurn();
  expect(warnings).toEqual([]);
});
