import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster } from "../../../support/servers/cluster.js";
import type { ClusterNode } from "../../../support/servers/cluster-nodes.js";
import type { ClusterTopology } from "../../../support/servers/cluster-topology.js";
import { sendCommands } from "../../../support/resp-client.js";
import { isSameAddress } from "../../../support/servers/running-topology.js";
import { connectionString } from "../../../support/servers/topology.js";
import { leftovers } from "../processes.js";

let cluster: ClusterTopology;

beforeAll(async () => {
  cluster = await startCluster({ password: "word" });
});

afterAll(() => cluster.stop());

async function otherThan(node: ClusterNode): Promise<ClusterNode> {
  const other = (await cluster.primaries()).find(({ id }) => id !== node.id);
  if (other === undefined) throw new Error("the cluster has one primary");
  return other;
}

async function fill(tag: string, count: number): Promise<{ readonly slot: number; readonly owner: ClusterNode }> {
  const slot = await cluster.slotOf(`{${tag}}`);
  const owner = await cluster.primaryOf(slot);
  for (let index = 0; index < count; index += 1)
    await cluster.command(owner, "SET", `{${tag}}${index}`, `value ${index}`);
  return { slot, owner };
}

function keysIn(node: ClusterNode, slot: number): Promise<unknown> {
  return cluster.command(node, "CLUSTER", "COUNTKEYSINSLOT", slot);
}

// One cluster for all, so the order counts: the last test takes it down.
describe.sequential("cluster", () => {
  test("has three primaries with all slots, each with a replica", async () => {
    const primaries = await cluster.primaries();
    expect(primaries.flatMap(({ slots }) => slots)).toEqual([
      [0, 5460],
      [5461, 10921],
      [10922, 16383],
    ]);
    for (const primary of primaries) expect((await cluster.replicaOf(primary)).primaryId).toBe(primary.id);
    const list = JSON.parse(connectionString(cluster.config)) as unknown[];
    expect(list).toHaveLength(6);
    expect(list[0]).toMatchObject({ host: "127.0.0.1", password: "word" });
  });

  test("moves a slot with its keys", async () => {
    const { slot, owner } = await fill("moved", 250);
    const target = await otherThan(owner);
    await cluster.moveSlot(slot, target);
    expect((await cluster.primaryOf(slot)).id).toBe(target.id);
    expect(await keysIn(owner, slot)).toBe(0);
    expect(await keysIn(target, slot)).toBe(250);
    await expect(cluster.command(target, "GET", "{moved}7")).resolves.toBe("value 7");
    await expect(cluster.command(owner, "GET", "{moved}7")).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${target.port}`);
  });

  test("takes a slot from everybody, until it is given to somebody", async () => {
    const { slot, owner } = await fill("uncovered", 1);
    await cluster.uncover(slot);
    await expect(cluster.primaryOf(slot)).rejects.toThrow(`nobody serves slot ${slot}`);
    await expect(cluster.command(owner, "GET", "{uncovered}0")).rejects.toThrow("CLUSTERDOWN");
    await cluster.command(owner, "CLUSTER", "ADDSLOTS", slot);
    await cluster.settled();
    await expect(cluster.command(owner, "GET", "{uncovered}0")).resolves.toBe("value 0");
  });

  test("leaves a slot open and closes it without losing what was created meanwhile", async () => {
    const { slot, owner } = await fill("open", 2);
    const target = await otherThan(owner);
    await cluster.setSlotMigrating(slot, target);
    await expect(cluster.command(owner, "GET", "{open}0")).resolves.toBe("value 0");
    await expect(cluster.command(owner, "GET", "{open}new")).rejects.toThrow(`ASK ${slot} 127.0.0.1:${target.port}`);
    await createThere(target, "{open}new");
    expect(await keysIn(target, slot)).toBe(1);

    await cluster.stabilize(slot);
    expect(await keysIn(target, slot)).toBe(0);
    await expect(cluster.command(owner, "GET", "{open}new")).resolves.toBe("created");
  });

  test("leaves every slot open and closes all", async () => {
    const { slot, owner } = await fill("every", 2);
    await cluster.openAllSlots();
    const refusal = await cluster.command(owner, "GET", "{every}new").catch((error: Error) => error.message);
    const port = Number(/^ASK \d+ 127\.0\.0\.1:(\d+)$/.exec(String(refusal))?.[1]);
    await createThere({ host: "127.0.0.1", port }, "{every}new");

    await cluster.closeAllSlots();
    await expect(cluster.command(owner, "GET", "{every}new")).resolves.toBe("created");
    expect(await keysIn(owner, slot)).toBe(3);
    for (const node of await cluster.primaries()) {
      expect(String(await cluster.command(node, "CLUSTER", "NODES"))).not.toContain("->-");
    }
  });

  test("fails over to the replica", async () => {
    const { slot, owner } = await fill("failover", 1);
    const promoted = await cluster.failover(owner);
    expect(isSameAddress(promoted, owner)).toBe(false);
    expect((await cluster.primaryOf(slot)).id).toBe(promoted.id);
    await expect(cluster.command(promoted, "GET", "{failover}0")).resolves.toBe("value 0");
  });

  test("settles after a crash only when the replica has taken over", { timeout: 40_000 }, async () => {
    const { slot, owner } = await fill("crash", 1);
    await cluster.processAt(owner).kill();
    await cluster.settled();
    const successor = await cluster.primaryOf(slot);
    expect(successor.id).not.toBe(owner.id);
    await expect(cluster.command(successor, "SET", "{crash}0", "again")).resolves.toBe("OK");

    await cluster.processAt(owner).restart();
    await cluster.settled();
    expect((await cluster.replicaOf(successor)).id).toBe(owner.id);
  });

  test("moves the last slot of a primary too", async () => {
    const [source, target] = await cluster.primaries();
    if (source === undefined || target === undefined) throw new Error("the cluster has not enough primaries");
    const [last = 0, ...others] = source.slots.flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, index) => from + index),
    );
    await cluster.command(source, "FLUSHALL");
    const give = others.map((slot) => ["CLUSTER", "SETSLOT", slot, "NODE", target.id]);
    // Else the source might take them back before it is told.
    await cluster.command(target, "CLUSTER", "BUMPEPOCH");
    for (const node of [target, source]) await sendCommands(cluster.clientOptions(node), give);
    await cluster.settled();
    await cluster.moveSlot(last, target);
    expect((await cluster.primaryOf(last)).id).toBe(target.id);
    expect((await cluster.primaries()).map(({ id }) => id)).not.toContain(source.id);
  });

  test("leaves no process and no folder behind", async () => {
    const pids = cluster.processes.map(({ pid }) => pid);
    const folders = cluster.processes.map(({ directory }) => directory);
    expect(leftovers(pids, folders)).toHaveLength(12);
    await cluster.stop();
    expect(leftovers(pids, folders)).toEqual([]);
  });

  async function createThere(target: Pick<ClusterNode, "host" | "port">, key: string): Promise<void> {
    const server = cluster.processAt(target);
    await Promise.all([server.command("ASKING"), server.command("SET", key, "created")]);
  }
});
