import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RedisBackend, RunOptions } from "../../src/backend/backend.js";
import { NotReplicatedError } from "../../src/backend/not-replicated-error.js";
import { FakeClock } from "../../src/testing/fake-clock.js";
import { sendCommands } from "../support/resp-client.js";
import { startCluster } from "../support/servers/cluster.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import type { RunningTopology, ServerAddress } from "../support/servers/running-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { until } from "../support/until.js";
import { elapse, openBackend, remember, remembered } from "../unit/backend/open-backend.js";

// Calls whose effect must be on replicas before they are answered, on servers that replicate.

let number = 0;
function newKey(): string {
  number += 1;
  return `test:room:{${number}}:x`;
}

function write(
  backend: RedisBackend,
  key: string,
  operation: string,
  options: RunOptions = {},
): Promise<readonly ["OK", number]> {
  return backend.run(remember, { keys: { key }, args: { operation } }, options);
}

/** What a replica has at a key. */
async function copyAt(topology: RunningTopology, replica: ServerAddress, key: string): Promise<unknown> {
  const cluster = topology.kind === "cluster" ? [["READONLY"]] : [];
  return (await sendCommands(topology.clientOptions(replica), [...cluster, ["GET", key]])).at(-1);
}

/** Connections of the durable lane at each of these servers. */
function lanesAt(topology: RunningTopology, servers: readonly ServerAddress[]): Promise<readonly number[]> {
  return Promise.all(
    servers.map(async (server) => {
      const clients = String(await topology.command(server, "CLIENT", "LIST"));
      return clients.match(/ name=test:durable:one /g)?.length ?? 0;
    }),
  );
}

describe("with sentinels", () => {
  let topology: SentinelTopology;
  beforeAll(async () => {
    topology = await startSentinel();
  });
  afterAll(() => topology?.stop());

  async function open(): Promise<RedisBackend> {
    const backend = openBackend(topology.config);
    await backend.ready();
    return backend;
  }

  test("the effect is on all replicas when the call is answered", async () => {
    const backend = await open();
    const replicas = await topology.replicas();
    expect(replicas).toHaveLength(2);
    for (let count = 1; count <= 20; count += 1) {
      const key = newKey();
      await write(backend, key, "op", { replicas: "all" });
      const copies = await Promise.all(replicas.map((replica) => copyAt(topology, replica, key)));
      expect(copies).toEqual(["1|op;", "1|op;"]);
    }
    expect(await lanesAt(topology, [await topology.primary(), ...replicas])).toEqual([1, 0, 0]);
  });

  test("many calls in flight share few WAITs", async () => {
    const backend = await open();
    const primary = await topology.primary();
    await write(backend, newKey(), "op", { replicas: "all" });
    await topology.command(primary, "CONFIG", "RESETSTAT");
    const caller = async (): Promise<void> => {
      const key = newKey();
      for (let turn = 0; turn < 5; turn += 1) await write(backend, key, `op-${turn}`, { replicas: "all" });
    };
    await Promise.all(Array.from({ length: 64 }, caller));
    const stats = String(await topology.command(primary, "INFO", "commandstats"));
    const calls = (name: string): number => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1]);
    expect(calls("evalsha")).toBe(320);
    expect(calls("wait")).toBeLessThan(64);
  });

  test("a frozen replica fails them alone: other calls go on, and those that ask for less", async () => {
    const backend = await open();
    const [frozen] = (await topology.replicas()) as [ServerAddress];
    const key = newKey();
    await write(backend, key, "before", { replicas: "all" });
    topology.processAt(frozen).pause();
    try {
      let answered = 0;
      let settled = false;
      const durable = write(backend, newKey(), "op", { replicas: "all" })
        .catch((error: unknown) => error)
        .finally(() => {
          settled = true;
        });
      while (!settled) {
        await write(backend, key, `op-${(answered += 1)}`);
      }
      const error = (await durable) as NotReplicatedError;
      expect(error).toBeInstanceOf(NotReplicatedError);
      expect(error).toMatchObject({ code: "ERR_FLEET_NOT_REPLICATED", executed: "yes", reply: ["OK", 1] });
      expect(error.message).toMatch(/1 of 2 replicas/);
      expect(answered).toBeGreaterThan(50);
      expect(await write(backend, key, "less", { replicas: 1 })).toEqual(["OK", answered + 2]);
    } finally {
      topology.processAt(frozen).resume();
    }
    await topology.settled();
    await write(backend, key, "after", { replicas: "all" });
    expect(await copyAt(topology, frozen, key)).toMatch(/;after;$/);
  });

  test("the lane is closed when it was idle for 30 s; one server says how many replicas it has", async () => {
    const clock = new FakeClock();
    const primary = await topology.primary();
    const backend = openBackend({ nodes: [primary], clock });
    await backend.ready();
    const key = newKey();
    await write(backend, key, "op", { replicas: "all" });
    const copies = (await topology.replicas()).map((replica) => copyAt(topology, replica, key));
    expect(await Promise.all(copies)).toEqual(["1|op;", "1|op;"]);
    expect(await lanesAt(topology, [primary])).toEqual([1]);
    const since = clock.monotonic();
    const closed = async (): Promise<boolean> => {
      await elapse(clock, 500);
      return (await lanesAt(topology, [primary]))[0] === 0;
    };
    await until(closed, { what: "the lane to be closed", every: 1 });
    expect(clock.monotonic() - since).toBeGreaterThanOrEqual(30_000);
    expect(await write(backend, key, "again", { replicas: "all" })).toEqual(["OK", 2]);
  });

  // The last one: it leaves a server dead.
  test("a primary that dies costs no call, and nothing that was acknowledged", async () => {
    const backend = await open();
    const keys = Array.from({ length: 8 }, newKey);
    const before = await topology.primary();
    let acknowledged = 0;
    let running = true;
    const callers = keys.map(async (key) => {
      const done: string[] = [];
      for (let count = 1; running; count += 1) {
        // The other replica needs a moment to follow the new primary.
        await write(backend, key, `op-${count}`, { replicas: 1, within: 10_000, deadline: 20_000 });
        done.push(`op-${count}`);
        acknowledged += 1;
      }
      const { operations } = await remembered(backend, key);
      return done.filter((operation) => !operations.includes(operation));
    });
    const ended = Promise.all(callers);
    await until(() => acknowledged >= 100, { what: "the load to run" });
    await topology.processAt(before).kill("SIGKILL");
    await topology.primaryOtherThan(before);
    const seen = acknowledged;
    await until(() => acknowledged >= seen + 100, { what: "the load to go on", deadline: 20_000 });
    running = false;
    expect((await ended).flat()).toEqual([]);
    expect(await lanesAt(topology, [await topology.primary()])).toEqual([1]);
  });
});

describe("on a cluster", () => {
  let topology: ClusterTopology;
  let backend: RedisBackend;
  beforeAll(async () => {
    topology = await startCluster();
  });
  afterAll(() => topology?.stop());

  test("each primary has a lane, and the effect is on its replica", async () => {
    backend = openBackend(topology.config);
    await backend.ready();
    const keys = Array.from({ length: 24 }, newKey);
    await Promise.all(keys.map((key) => write(backend, key, "op", { replicas: "all" })));
    const primaries = await topology.primaries();
    const replicas = await Promise.all(primaries.map((primary) => topology.replicaOf(primary)));
    const copies = keys.map(async (key) => {
      const found = await Promise.all(
        replicas.map((replica) => copyAt(topology, replica, key).catch(() => "on another")),
      );
      return found.filter((copy) => copy !== "on another");
    });
    expect(await Promise.all(copies)).toEqual(keys.map(() => ["1|op;"]));
    expect(await lanesAt(topology, primaries)).toEqual([1, 1, 1]);
    expect(await lanesAt(topology, replicas)).toEqual([0, 0, 0]);
  });

  test("redirects are followed: of a slot that has moved, and of keys in slots that are moving", async () => {
    backend = openBackend(topology.config);
    await backend.ready();
    await topology.openAllSlots();
    const keys = Array.from({ length: 12 }, newKey);
    await Promise.all(keys.map((key) => write(backend, key, "op", { replicas: "all" })));
    expect(backend.stats().redirects).toBeGreaterThanOrEqual(12);
    await topology.closeAllSlots();
    const primary = await topology.primaryOf(0);
    await topology.failover(primary);
    const more = Array.from({ length: 12 }, newKey);
    // A planned failover: the former primary is the replica that must have it.
    await Promise.all(more.map((key) => write(backend, key, "op", { replicas: "all", within: 5_000 })));
    for (const key of [...keys, ...more]) expect((await remembered(backend, key)).operations).toEqual(["op"]);
  });
});
