import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AddressMap, NodeAddress } from "../../src/config/backend-config.js";
import { startCluster } from "../support/servers/cluster.js";
import type { ClusterNode } from "../support/servers/cluster-nodes.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";
import { startCallers } from "../unit/backend/callers.js";
import { openBackend, remember } from "../unit/backend/open-backend.js";
import { slotOf } from "../../src/backend/redis/slot.js";

// Servers announce what nobody outside can reach, and are reached through a tunnel each.

const keys = ["test:room:{a}:x", "test:room:{b}:x", "test:room:{c}:x", "test:room:{d}:x"];

describe("a cluster that announces names which resolve nowhere", () => {
  let topology: ClusterTopology;
  let tunnels: readonly TcpProxy[];
  let map: Record<string, NodeAddress>;
  beforeAll(async () => {
    topology = await startCluster({ config: ["cluster-preferred-endpoint-type hostname"] });
    const nodes = topology.processes;
    tunnels = await Promise.all(nodes.map((node) => TcpProxy.start({ target: node })));
    for (const [index, node] of nodes.entries())
      await node.command("CONFIG", "SET", "cluster-announce-hostname", `redis-${index}.invalid`);
    map = Object.fromEntries(
      nodes.map(({ port }, index) => [`redis-${index}.invalid:${port}`, tunnels[index] as NodeAddress]),
    );
    const announced = async (): Promise<boolean> => {
      const views = await Promise.all(nodes.map((node) => node.command("CLUSTER", "SLOTS")));
      return views.every((view) => JSON.stringify(view).split(".invalid").length - 1 === nodes.length);
    };
    await until(announced, { what: "every node to know every name", deadline: 20_000 });
  });
  afterAll(async () => {
    await Promise.all((tunnels ?? []).map((tunnel) => tunnel.stop()));
    await topology?.stop();
  });

  test("is reached through its tunnels alone, also after a redirect and a failover; the topology shows its names", async () => {
    const [first] = topology.processes;
    const seed = { host: "redis-0.invalid", port: first?.port ?? 0 };
    const backend = openBackend({ kind: "cluster", nodes: [seed], addressMap: map });
    await backend.ready();
    const named = backend.topology().nodes;
    expect(named).toHaveLength(6);
    for (const { host } of named) expect(host).toMatch(/^redis-\d\.invalid$/);
    const callers = startCallers(backend, keys);
    await until(() => callers.acknowledged > 50, { what: "calls" });
    const [from, to] = await topology.primaries();
    const owned = (key: string): boolean =>
      from?.slots.some(([low, high]) => low <= slotOf(key) && slotOf(key) <= high) === true;
    const [moving = "", staying = ""] = Array.from({ length: 100 }, (_, index) => `test:room:{${index}}:x`).filter(
      owned,
    );
    await backend.run(remember, { keys: { key: moving }, args: { operation: "before" } });
    await topology.moveSlot(slotOf(moving), to as ClusterNode);
    expect(await backend.run(remember, { keys: { key: moving }, args: { operation: "moved" } })).toEqual(["OK", 2]);
    await topology.processAt(from as ClusterNode).kill();
    // Waits for the replica, which has a tunnel of its own.
    expect(await backend.run(remember, { keys: { key: staying }, args: { operation: "after" } })).toEqual(["OK", 1]);
    const { errors } = await callers.stop();
    expect(errors).toEqual([]);
  });

  test("by a function too, and names a wrong one in the error", async () => {
    const [first] = topology.processes.filter(({ running }) => running);
    const seed = { host: "127.0.0.1", port: first?.port ?? 0 };
    const asked: string[] = [];
    const addressMap: AddressMap = (address) => {
      asked.push(`${address.host}:${address.port}`);
      return map[`${address.host}:${address.port}`];
    };
    const backend = openBackend({ kind: "cluster", nodes: [seed], addressMap });
    await backend.ready();
    expect(asked).toContain(`127.0.0.1:${seed.port}`);
    expect(asked.some((address) => address.includes(".invalid:"))).toBe(true);
    const wrong = openBackend({ kind: "cluster", nodes: [seed], timeouts: { start: 1_500 } });
    await expect(wrong.ready()).rejects.toThrow(/redis-\d\.invalid:\d+ cannot be reached/);
  });
});

describe("sentinels and data nodes behind a tunnel each", () => {
  let topology: SentinelTopology;
  let tunnels: readonly TcpProxy[];
  beforeAll(async () => {
    topology = await startSentinel();
    tunnels = await Promise.all(topology.processes.map((target) => TcpProxy.start({ target })));
  });
  afterAll(async () => {
    await Promise.all((tunnels ?? []).map((tunnel) => tunnel.stop()));
    await topology?.stop();
  });

  test("are reached through them alone, before and after a failover", async () => {
    const addressMap = Object.fromEntries(
      topology.processes.map(({ host, port }, index) => [`${host}:${port}`, tunnels[index] as NodeAddress]),
    );
    const { sentinel, nodes } = topology.config;
    const backend = openBackend({
      kind: "sentinel",
      nodes: nodes.slice(0, 1),
      addressMap,
      ...(sentinel === undefined ? {} : { sentinel }),
    });
    await backend.ready();
    const callers = startCallers(backend, keys);
    await until(() => callers.acknowledged > 50, { what: "calls" });
    await topology.failover();
    const seen = callers.acknowledged;
    await until(() => callers.acknowledged > seen + 200, { what: "calls after the failover", deadline: 20_000 });
    const { errors, lost } = await callers.stop();
    expect(errors).toEqual([]);
    expect(lost).toBe(0);
    const throughTunnels = tunnels.reduce((sum, { traffic }) => sum + traffic.accepted, 0);
    expect(throughTunnels).toBeGreaterThanOrEqual(6);
    const primary = await topology.primary();
    const list = String(await topology.command(primary, "CLIENT", "LIST"));
    const clients = [...list.matchAll(/ addr=\S+:(\d+) .* name=test:command/g)].length;
    const tunnel = tunnels[topology.processes.findIndex(({ port }) => port === primary.port)];
    expect(clients).toBe(1);
    expect(tunnel?.open).toBeGreaterThanOrEqual(1);
  });
});
