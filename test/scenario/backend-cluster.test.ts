import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { slotOf } from "../../src/backend/redis/slot.js";
import type { Script } from "../../src/backend/script.js";
import { startCluster } from "../support/servers/cluster.js";
import type { ClusterNode } from "../support/servers/cluster-nodes.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { isSameAddress, type ServerAddress } from "../support/servers/running-topology.js";
import { until } from "../support/until.js";
import { startCallers } from "../unit/backend/callers.js";
import {
  look,
  openBackend,
  rejection,
  remember,
  remembered,
  script,
  type BackendForTest,
} from "../unit/backend/open-backend.js";
import { keysOf, more } from "./cluster-callers.js";

// One cluster for all tests, which leave it changed but whole; the last one takes a shard away.

let topology: ClusterTopology;
beforeAll(async () => {
  // Other shards go on without one, and no replica changes its primary by itself.
  topology = await startCluster({ config: ["cluster-require-full-coverage no", "cluster-migration-barrier 9"] });
});
afterAll(() => topology?.stop());

interface Opened {
  readonly backend: RedisBackend;
  readonly failovers: readonly { readonly from: string; readonly to: string }[];
}

/** A backend that was given one seed, by a name. */
async function open(seed: ServerAddress, more: Partial<BackendForTest> = {}): Promise<Opened> {
  const backend = openBackend({ kind: "cluster", nodes: [{ host: "localhost", port: seed.port }], ...more });
  const failovers: { from: string; to: string }[] = [];
  backend.on("failover", (failover) => failovers.push(failover));
  await backend.ready();
  return { backend, failovers };
}

/** A primary by the order of its slots. */
async function primary(index: number): Promise<ClusterNode> {
  return (await topology.primaries())[index] as ClusterNode;
}

function text({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}

function write(backend: RedisBackend, key: string, operation: string, deadline?: number): Promise<unknown> {
  return backend.run(remember, { keys: { key }, args: { operation } }, deadline === undefined ? {} : { deadline });
}

/** Adds 1 to each of two keys in one slot. */
const addToBoth: Script<"one" | "two", never, readonly ["OK", number, number]> = script(
  "test/add-to-both",
  ["one", "two"],
  [],
  false,
  `return {"OK", redis.call("INCR", KEYS[1]), redis.call("INCR", KEYS[2])}`,
);

describe("a slot that moves", () => {
  test("costs no call and no effect; its calls go to the new owner", async () => {
    const [from, to] = [await primary(0), await primary(1)];
    const { backend } = await open(from);
    const keys = keysOf(from, "moving", 6);
    const [moving = ""] = keys;
    const callers = startCallers(backend, keys);
    await more(callers, 50);
    await topology.moveSlot(slotOf(moving), to);
    await more(callers, 100);
    const { errors, lost } = await callers.stop();
    expect(errors).toEqual([]);
    expect(lost).toBe(0);
    expect(backend.stats().redirects).toBeGreaterThan(0);
    const redirects = backend.stats().redirects;
    await write(backend, moving, "direct");
    expect(backend.stats().redirects).toBe(redirects);
    expect(await topology.command(to, "EXISTS", moving)).toBe(1);
    await topology.moveSlot(slotOf(moving), from);
  });

  test("half moved: keys that are there and keys that are not are served; a script of both kinds waits", async () => {
    const [from, to] = [await primary(0), await primary(1)];
    const { backend } = await open(from);
    const [old = ""] = keysOf(from, "half", 1);
    const fresh = old.replace(/x$/, "fresh");
    const [counted, uncounted] = [old.replace(/x$/, "counted"), old.replace(/x$/, "uncounted")];
    await write(backend, old, "before");
    await topology.command(from, "SET", counted, 7);
    await topology.setSlotMigrating(slotOf(old), to);
    expect(await write(backend, old, "during")).toEqual(["OK", 2]);
    expect(backend.stats().redirects).toBe(0);
    // Asked of the importing server, which keeps what is new.
    expect(await write(backend, fresh, "asked")).toEqual(["OK", 1]);
    expect(await write(backend, fresh, "asked again")).toEqual(["OK", 2]);
    expect(await backend.run(look, { keys: { key: fresh }, args: {} })).toEqual(["OK", "2|asked;asked again;"]);
    expect(await backend.read(fresh, [["get"], ["strlen"]])).toEqual(["2|asked;asked again;", 20]);
    expect(backend.stats().redirects).toBe(4);
    const waiting = backend.run(addToBoth, { keys: { one: counted, two: uncounted }, args: {} });
    await until(() => backend.stats().retries >= 3, { what: "TRYAGAIN, several times" });
    await topology.stabilize(slotOf(old));
    expect(await waiting).toEqual(["OK", 8, 1]);
    expect((await remembered(backend, fresh)).operations).toEqual(["asked", "asked again"]);
    expect((await remembered(backend, old)).operations).toEqual(["before", "during"]);
  });
});

describe("a server that joins", () => {
  test("is connected to as soon as it owns a slot, and serves it", async () => {
    const [seed, source] = [await primary(0), await primary(2)];
    const newcomer = await topology.replicaOf(source);
    await topology.command(newcomer, "CLUSTER", "RESET", "HARD");
    await topology.command(newcomer, "CLUSTER", "MEET", seed.host, seed.port);
    const joined = await until(
      async () => (await topology.nodes()).find((node) => isSameAddress(node, newcomer) && node.role === "primary"),
      {
        what: "the newcomer to be known",
      },
    );
    await topology.settled();
    const { backend } = await open(seed);
    const keys = keysOf(source, "joining", 4);
    const [moving = ""] = keys;
    const callers = startCallers(backend, keys);
    await more(callers, 40);
    await topology.moveSlot(slotOf(moving), joined);
    await more(callers, 80);
    await until(() => backend.stats().connections === 4, { what: "a connection to the newcomer" });
    const { errors, lost } = await callers.stop();
    expect(errors).toEqual([]);
    expect(lost).toBe(0);
    expect(await topology.command(joined, "EXISTS", moving)).toBe(1);
    expect(backend.topology().nodes.find(({ id }) => id === joined.id)?.slots).toEqual([
      [slotOf(moving), slotOf(moving)],
    ]);
  });
});

describe("a failover", () => {
  test("that is planned costs no call and no effect", async () => {
    const [seed, before] = [await primary(1), await primary(0)];
    const { backend, failovers } = await open(seed);
    const callers = startCallers(backend, keysOf(before, "planned", 6));
    await more(callers, 60);
    const after = await topology.failover(before);
    await more(callers, 60);
    const { errors, lost } = await callers.stop();
    expect(errors).toEqual([]);
    expect(lost).toBe(0);
    await until(() => failovers.length > 0, { what: "the failover to be told" });
    expect(failovers).toEqual([{ from: text(before), to: text(after) }]);
  });

  test("of a primary that was the only seed costs no call, and later ones are followed too", async () => {
    const [seed, other] = [await primary(1), await primary(0)];
    const { backend, failovers } = await open(seed);
    const callers = startCallers(backend, [...keysOf(seed, "crash", 4), ...keysOf(other, "crash", 4)]);
    await more(callers, 80);
    await topology.processAt(seed).kill();
    await until(() => failovers.length > 0, { what: "the failover to be told", deadline: 20_000 });
    await more(callers, 80);
    // The seed is gone, and so is every connection: what was known last is all there is.
    for (const server of topology.dataServers)
      await topology.command(server, "CLIENT", "KILL", "TYPE", "normal").catch(() => undefined);
    await more(callers, 80);
    const { errors, longest } = await callers.stop();
    expect(errors).toEqual([]);
    expect(longest).toBeLessThan(8_000);
    expect(failovers).toMatchObject([{ from: text(seed) }]);
    await until(() => backend.state === "ready", { what: "every primary to be connected" });
    await topology.processAt(seed).restart();
    await topology.settled();
  });
});

describe("a shard that is gone for good", () => {
  test("fails its own calls at once, and no others; it is served again when it is back", async () => {
    const [seed, gone, other] = [await primary(0), await primary(1), await primary(2)];
    const replica = await topology.replicaOf(gone);
    const { backend } = await open(seed, { timeouts: { command: 1_500 } });
    const callers = startCallers(backend, [...keysOf(seed, "stays", 4), ...keysOf(other, "stays", 4)]);
    await more(callers, 80);
    await topology.processAt(replica).kill();
    await topology.processAt(gone).kill();
    const id = text(gone);
    await until(
      () => backend.topology().nodes.some((node) => `${node.host}:${node.port}` === id && node.state === "down"),
      {
        what: "the breaker of the lost shard to open",
      },
    );
    const [key = ""] = keysOf(gone, "gone", 1);
    for (let count = 0; count < 20; count += 1) {
      const began = performance.now();
      expect(await rejection(write(backend, key, `refused-${count}`, 60_000))).toMatchObject({
        code: "ERR_FLEET_UNAVAILABLE",
        executed: "no",
      });
      expect(performance.now() - began).toBeLessThan(1_000);
    }
    await more(callers, 200);
    expect(backend.state).toBe("degraded");
    const { errors, lost } = await callers.stop();
    expect(errors).toEqual([]);
    expect(lost).toBe(0);
    await topology.processAt(gone).restart();
    await topology.processAt(replica).restart();
    await until(() => backend.state === "ready", { what: "the shard to be found again", deadline: 20_000 });
    expect(await write(backend, key, "served", 8_000)).toEqual(["OK", 1]);
  });
});
