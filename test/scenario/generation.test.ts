import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startCluster } from "../support/servers/cluster.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { openBackend, rejection } from "../unit/backend/open-backend.js";

// Real servers: only they show what becomes of a replication id. All clocks here are this machine's.

describe("a single server", () => {
  let topology: SingleTopology;
  let number = 0;
  let namespace: string;
  beforeAll(async () => {
    topology = await startSingle({ appendOnly: true });
  });
  beforeEach(() => {
    namespace = `generation-${(number += 1)}`;
  });
  afterAll(() => topology?.stop());

  async function generation(not?: string): Promise<{ readonly replicationId: string; readonly since: number }> {
    const backend = openBackend({ nodes: [topology.server], namespace });
    const found = await backend.generation(backend.keys.key("room", "a", "x"), not === undefined ? {} : { not });
    await backend.close();
    if (found === undefined) throw new Error("the server does not tell its generation");
    return found;
  }

  test("that nobody of the fleet has seen is as old as its process, for every instance", async () => {
    const before = Date.now();
    const first = await generation();
    const uptime = Number((await topology.server.info("server")).get("uptime_in_seconds"));
    expect(first.since).toBeLessThanOrEqual(Date.now());
    expect(first.since).toBeGreaterThanOrEqual(before - (uptime + 1) * 1_000);
    expect(first.replicationId).toBe((await topology.server.info("replication")).get("master_replid"));
    expect(await generation()).toEqual(first);
    // Asked about one that it still has, it answers the same.
    expect(await generation(first.replicationId)).toEqual(first);
  });

  test("that starts again is new: since its start without a note, since it was seen with one", async () => {
    const first = await generation();
    await topology.server.restart();
    const restarted = Date.now();
    const second = await generation();
    expect(second.replicationId).not.toBe(first.replicationId);
    expect(second.since).toBeGreaterThan(first.since);
    expect(second.since).toBeLessThanOrEqual(Date.now());
    // The append-only file kept the notes, so that it counts from when it was seen and not from its start.
    expect(second.since).toBeGreaterThanOrEqual(restarted - 1_000);
    expect(await generation()).toEqual(second);
  });

  test("whose backlog was freed has another id and the same history", async () => {
    const first = await generation();
    await topology.server.command("CONFIG", "SET", "repl-backlog-ttl", 1);
    const replica = await startSingle({ config: [`replicaof ${topology.server.host} ${topology.server.port}`] });
    await until(async () => (await topology.server.info("replication")).get("connected_slaves") === "1", {
      what: "the replica to follow",
    });
    // The first replica of its life gives a server another id already.
    const followed = await generation();
    await replica.stop();
    const freed = async (): Promise<boolean> =>
      (await topology.server.info("replication")).get("master_replid") !== followed.replicationId;
    await until(freed, { what: "the backlog to be freed", deadline: 20_000 });
    const second = await generation();
    expect(new Set([first, followed, second].map(({ replicationId }) => replicationId)).size).toBe(3);
    expect([followed.since, second.since]).toEqual([first.since, first.since]);
  });

  test("keeps its notes under one key that expires never and stays small", async () => {
    await generation();
    const key = `${namespace}:fleet:{generations}:seen`;
    expect(await topology.server.command("HLEN", key)).toBe(1);
    const old = Array.from({ length: 300 }, (_, index) => [`dead${index}`, "1 run"]).flat();
    await topology.server.command("HSET", key, ...old);
    await topology.server.command(
      "HDEL",
      key,
      String((await topology.server.info("replication")).get("master_replid")),
    );
    await generation();
    expect(await topology.server.command("HLEN", key)).toBe(1);
  });

  test("serves a user with no more than what the help of a refusal lists", async () => {
    const setUser = (...rules: string[]): Promise<unknown> =>
      topology.server.command("ACL", "SETUSER", "least", "reset", "on", ">pw", ...rules);
    await setUser("+info", "+time");
    const backend = openBackend({ nodes: [topology.server], username: "least", password: "pw", namespace });
    const { help = "" } = await rejection(backend.generation(backend.keys.key("room", "a", "x")));
    await setUser(...(help.match(/[~&+]\S+/g) ?? []));
    const found = await backend.generation(backend.keys.key("room", "a", "x"));
    expect(found?.replicationId).toBe((await topology.server.info("replication")).get("master_replid"));
    // The first one remembers for half a minute that something was refused.
    const later = openBackend({ nodes: [topology.server], username: "least", password: "pw", namespace });
    const heard: string[] = [];
    const channel = later.keys.hintChannel("news");
    later.subscribe(channel, { message: (text) => heard.push(text), gap: () => heard.push("gap") });
    await until(() => heard.length === 1, { what: "the listening to begin" });
    await later.publish(channel, "hello");
    await until(() => heard.length === 2, { what: "the message" });
    expect(later.state).toBe("ready");
  });

  test("that does not let INFO be read has no generation", async () => {
    await topology.server.command("ACL", "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all", "-info");
    const backend = openBackend({ nodes: [topology.server], username: "blind", password: "pw" });
    expect(await backend.generation("test:room:{a}:x")).toBeUndefined();
  });
});

describe("a promoted replica", () => {
  let sentinel: SentinelTopology;
  let cluster: ClusterTopology;
  beforeAll(async () => {
    [sentinel, cluster] = await Promise.all([startSentinel(), startCluster()]);
  });
  afterAll(async () => {
    await Promise.all([sentinel?.stop(), cluster?.stop()]);
  });

  test("is a new generation, since it was seen, for the process that was there and for one that comes later", async () => {
    const { config } = sentinel;
    const backend = openBackend({ ...config, namespace: "promoted" });
    const key = backend.keys.key("room", "a", "x");
    const first = await backend.generation(key);
    const before = Date.now();
    await sentinel.failover();
    await until(async () => (await backend.generation(key))?.replicationId !== first?.replicationId, {
      what: "the new primary to be followed",
      deadline: 20_000,
    });
    const second = await backend.generation(key);
    expect(second?.since).toBeGreaterThanOrEqual(before);
    expect(second?.since).toBeLessThanOrEqual(Date.now());
    const later = openBackend({ ...config, namespace: "promoted" });
    expect(await later.generation(key)).toEqual(second);
  });

  test("of a cluster changes the generation of its shard alone; a fresh cluster is as old as its servers", async () => {
    const opened = Date.now();
    const backend = openBackend({ kind: "cluster", nodes: cluster.config.nodes, namespace: "shards" });
    await backend.ready();
    // One key for each shard.
    const keys = ["a", "b", "c", "d", "e", "f", "g", "h"].map((tag) => backend.keys.key("room", tag, "x"));
    const before = await Promise.all(keys.map((key) => backend.generation(key)));
    expect(new Set(before.map((found) => found?.replicationId)).size).toBe(3);
    for (const found of before) expect(found?.since).toBeLessThan(opened);
    const broken = (await cluster.primaries())[0];
    if (broken === undefined) throw new Error("the cluster has no primary");
    await cluster.processAt(broken).kill();
    const after = await Promise.all(keys.map((key) => backend.generation(key)));
    const changed = after.filter((found, index) => found?.replicationId !== before[index]?.replicationId);
    expect(changed.length).toBeGreaterThan(0);
    for (const found of changed) expect(found?.since).toBeGreaterThan(opened);
    expect(new Set(changed.map((found) => found?.replicationId)).size).toBe(1);
    expect(after.length - changed.length).toBeGreaterThan(0);
  });
});
