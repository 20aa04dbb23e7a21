import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startCluster } from "../support/servers/cluster.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { findServer } from "../support/servers/find-server.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";
import { follow, type Following } from "./feed-following.js";

// Whoever cannot know what others append must stop trusting what it holds.

let number = 0;
let namespace: string;
beforeEach(() => {
  namespace = `isolated-${(number += 1)}`;
});

const timeouts = { command: 1_000 };

/** Longest time that a follower went on to trust what it held, by the clock of this process, once it was cut off. */
async function trustEnds({ followed }: Following, limit: number): Promise<void> {
  const log = followed.follower("b0");
  const began = performance.now();
  await until(() => !log.within(limit), { what: "trust to end", every: 5 });
  // No sync that was asked for after the cut counts; the rest is for a busy machine to look.
  expect(performance.now() - began).toBeLessThan(limit + 1_500);
  // And it does not come back by itself.
  await until(() => performance.now() - began > limit + 2_500, { what: "some more syncs to be tried", every: 5 });
  expect(log.within(limit)).toBe(false);
}

// Before 6.2 servers do not apply this to scripts.
const { product, version } = await findServer();
const [major = 0, minor = 0] = version.split(".").map(Number);
if (product === "valkey" || major > 6 || (major === 6 && minor >= 2)) mustHaveReplicas();

function mustHaveReplicas(): void {
  describe("a primary whose replicas are gone, and that must have one", () => {
    let primary: SingleTopology;
    let replica: SingleTopology;
    beforeAll(async () => {
      primary = await startSingle({ config: ["min-replicas-to-write 1", "min-replicas-max-lag 1"] });
      const { host, port } = primary.server;
      replica = await startSingle({ config: [`replicaof ${host} ${port}`] });
      await until(async () => (await primary.server.info("replication")).get("min_slaves_good_slaves") === "1", {
        what: "the replica to follow",
      });
    });
    afterAll(async () => {
      await replica?.stop();
      await primary?.stop();
    });

    test("refuses to be read on from, so that trust ends, and begins again with its replica", async () => {
      const following = await follow({ nodes: [primary.server], namespace, timeouts });
      const { followed, notes, backend, key } = following;
      await followed.append("b0", "1");
      await until(() => notes.length === 1 && followed.follower("b0").within(2_000), { what: "trust" });
      replica.server.pause();
      await until(async () => (await primary.server.info("replication")).get("min_slaves_good_slaves") === "0", {
        what: "the primary to miss it",
      });
      await trustEnds(following, 2_000);
      await expect(followed.follower("b0").sync()).rejects.toMatchObject({ executed: "no" });
      // It still answers those who only read: such an answer must prove nothing.
      expect(await backend.read(key, [["exists"]])).toEqual([1]);
      replica.server.resume();
      await until(() => followed.follower("b0").within(2_000), { what: "trust to begin again" });
      expect(notes).toEqual(["1"]);
    });
  });
}

describe("a primary on the lesser side of a cluster", () => {
  let cluster: ClusterTopology;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  test("refuses to be read on from, so that trust ends", async () => {
    const following = await follow({ ...cluster.config, namespace, timeouts });
    const slot = await cluster.slotOf(following.key);
    const owner = await cluster.primaryOf(slot);
    await until(() => following.followed.follower("b0").within(2_000), { what: "trust" });
    const others = cluster.dataServers.filter(({ port }) => port !== owner.port);
    for (const server of others) cluster.signal(server, "SIGSTOP");
    const state = async (): Promise<string> => String(await cluster.command(owner, "CLUSTER", "INFO"));
    await until(async () => (await state()).includes("cluster_state:fail"), { what: "it to notice" });
    await trustEnds(following, 2_000);
    for (const server of others) cluster.signal(server, "SIGCONT");
    await cluster.settled();
    await until(() => following.followed.follower("b0").within(2_000), { what: "trust to begin again" });
  });
});

describe("a process that is cut off from its server", () => {
  let topology: SingleTopology;
  let proxy: TcpProxy;
  beforeAll(async () => {
    topology = await startSingle();
    proxy = await TcpProxy.start({ target: topology.server });
  });
  afterAll(async () => {
    await proxy?.stop();
    await topology?.stop();
  });

  test("stops to trust in time, and catches up with what it missed", async () => {
    const [cut, other] = [
      await follow({ nodes: [proxy], namespace }),
      await follow({ nodes: [topology.server], namespace }),
    ];
    await until(() => cut.followed.follower("b0").within(2_000), { what: "trust" });
    proxy.stall();
    const appended = other.followed.append("b0", "missed");
    await trustEnds(cut, 2_000);
    await appended;
    expect(cut.notes).toEqual([]);
    await proxy.pass();
    await until(() => cut.notes.length === 1 && cut.followed.follower("b0").within(2_000), { what: "it to catch up" });
    expect(cut.counted.filter((what) => what !== "gap")).toEqual([]);
  });

  test("that hears no messages, and does not know it, hears all the same within the sync interval", async () => {
    const [deaf, other] = [
      await follow({ nodes: [proxy], namespace }),
      await follow({ nodes: [topology.server], namespace }),
    ];
    proxy.stallSubscribers();
    const began = performance.now();
    await other.followed.append("b0", "1");
    await until(() => deaf.notes.length === 1, { what: "the entry", every: 5 });
    expect(performance.now() - began).toBeLessThan(2_750);
    await proxy.pass();
  });
});
