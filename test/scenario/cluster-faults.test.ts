import { afterAll, beforeAll, expect, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { slotOf } from "../../src/backend/redis/slot.js";
import { announceAtOnce, announcing } from "../support/servers/cluster-addresses.js";
import { clusterCli } from "../support/servers/cluster-cli.js";
import type { ClusterNode } from "../support/servers/cluster-nodes.js";
import { ClusterTopology } from "../support/servers/cluster-topology.js";
import { startCluster, startClusterNode } from "../support/servers/cluster.js";
import type { ServerAddress } from "../support/servers/running-topology.js";
import { until } from "../support/until.js";
import { startCallers } from "../unit/backend/callers.js";
import { openBackend, remember } from "../unit/backend/open-backend.js";
import { keysOf, more } from "./cluster-callers.js";

// The short forms of the drills of a cluster (test/drills). One cluster for all tests, which leave it changed but whole; the
// last ones change its addresses.

const host = "127.0.0.2";
let topology: ClusterTopology;
beforeAll(async () => {
  const { config = [], ...options } = announcing(host);
  topology = await startCluster({ ...options, config: [...config, "cluster-require-full-coverage no"] });
});
afterAll(() => topology?.stop());

/** A backend that was given some servers, at the host that they announced at first. */
async function open(seeds: readonly ServerAddress[]): Promise<RedisBackend> {
  const backend = openBackend({ kind: "cluster", nodes: seeds.map(({ port }) => ({ host, port })) });
  await backend.ready();
  return backend;
}

async function primary(index: number): Promise<ClusterNode> {
  return (await topology.primaries())[index] as ClusterNode;
}

function text({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}

async function reshard(from: ClusterNode, to: string, slots: number): Promise<void> {
  const which = ["--cluster-from", from.id, "--cluster-to", to, "--cluster-slots", slots];
  await clusterCli("reshard", text(from), ...which, "--cluster-yes");
}

test("redis-cli reshards onto a server that it added, takes all back and deletes it: no call fails, no effect is lost", async () => {
  const [source, other] = [await primary(0), await primary(1)];
  const backend = await open([other]);
  const callers = startCallers(backend, [...keysOf(source, "resized", 80), ...keysOf(other, "resized", 4)]);
  await more(callers, 200);
  const newcomer = await startClusterNode();
  try {
    const larger = new ClusterTopology(topology.config, [...topology.processes, newcomer]);
    await clusterCli("add-node", text(newcomer), text(source));
    await larger.settled();
    const id = String(await newcomer.command("CLUSTER", "MYID"));
    await reshard(source, id, 200);
    await more(callers, 200);
    const joined = (await larger.primaries()).find((node) => node.id === id) as ClusterNode;
    expect(joined.slots).toEqual([[0, 199]]);
    await reshard(joined, source.id, 200);
    await larger.settled();
    await clusterCli("del-node", text(source), id);
    await more(callers, 200);
  } finally {
    await newcomer.stop();
  }
  await topology.settled();
  const { errors, lost, longest } = await callers.stop();
  expect(errors).toEqual([]);
  expect(lost).toBe(0);
  // A redirect is followed at once, not when the slots are asked for again.
  expect(longest).toBeLessThan(1_500);
  expect(backend.stats().redirects).toBeGreaterThan(0);
});

test("calls for a slot that nobody serves wait until it is served again, and no others", async () => {
  const [owner, other] = [await primary(0), await primary(1)];
  const backend = await open([other]);
  const [key = ""] = keysOf(owner, "uncovered", 1);
  const write = (operation: string): Promise<unknown> => backend.run(remember, { keys: { key }, args: { operation } });
  await write("before");
  const callers = startCallers(backend, [...keysOf(owner, "covered", 4), ...keysOf(other, "covered", 4)]);
  await more(callers, 50);
  await topology.uncover(slotOf(key));
  const waiting = write("during");
  await until(() => backend.state === "degraded", { what: "the missing slot to be seen" });
  await more(callers, 200);
  expect(backend.stats().pending).toBeGreaterThan(0);
  const covered = performance.now();
  await topology.command(owner, "CLUSTER", "ADDSLOTS", slotOf(key));
  expect(await waiting).toEqual(["OK", 2]);
  expect(performance.now() - covered).toBeLessThan(5_000);
  const { errors, longest } = await callers.stop();
  expect(errors).toEqual([]);
  expect(longest).toBeLessThan(5_000);
  await topology.settled();
});

test("every address changes and all restart at once, the only seed is gone: no call fails, no effect is lost", async () => {
  const [seed, ...others] = [await primary(0), await primary(1), await primary(2)];
  const backend = await open([seed]);
  const callers = startCallers(
    backend,
    [seed, ...others].flatMap((node) => keysOf(node, "announced", 4)),
  );
  await more(callers, 50);
  await announceAtOnce(topology, { from: host, to: "127.0.0.3", moved: [topology.processAt(seed)] });
  await more(callers, 200);
  const { errors, lost, longest } = await callers.stop();
  expect(errors).toEqual([]);
  expect(lost).toBe(0);
  expect(longest).toBeLessThan(8_000);
  await until(() => backend.topology().nodes.every((node) => node.host === "127.0.0.3"), {
    what: "all new addresses to be known",
  });
});

test("all primaries end at once and replicas take over by command: their addresses of before are enough", async () => {
  const primaries = await topology.primaries();
  const replicas = await Promise.all(primaries.map((node) => topology.replicaOf(node)));
  const backend = openBackend({ kind: "cluster", nodes: primaries });
  await backend.ready();
  const callers = startCallers(
    backend,
    primaries.flatMap((node) => keysOf(node, "taken", 4)),
  );
  await more(callers, 50);
  // SIGTERM: a primary lets its replicas catch up first.
  await Promise.all(primaries.map((node) => topology.processAt(node).kill("SIGTERM")));
  for (const replica of replicas) await topology.command(replica, "CLUSTER", "FAILOVER", "TAKEOVER");
  await more(callers, 200);
  const { errors, lost, longest } = await callers.stop();
  expect(errors).toEqual([]);
  expect(lost).toBe(0);
  expect(longest).toBeLessThan(8_000);
});
