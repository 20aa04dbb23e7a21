import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { comparePositions } from "../../src/feed/log-store.js";
import { startCluster } from "../support/servers/cluster.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import type { ServerAddress } from "../support/servers/running-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { until } from "../support/until.js";
import { follow, followsToTheEnd, payloadsOf, type Following } from "./feed-following.js";

// A failover loses what its new primary had not received. Replication is cut with a wrong password, on any version and at once.

const password = "pw";

type Servers = SentinelTopology | ClusterTopology;

/** Ends the replication of some replicas until `mend`. */
async function cutReplication(topology: Servers, replicas: readonly ServerAddress[]): Promise<void> {
  for (const replica of replicas) {
    await topology.command(replica, "CONFIG", "SET", "masterauth", "wrong");
    await topology.command(replica, "CLIENT", "KILL", "TYPE", "master");
    await until(
      async () => String(await topology.command(replica, "INFO", "replication")).includes("link_status:down"),
      {
        what: `the link of ${replica.port} to be down`,
      },
    );
  }
}

async function mend(topology: Servers, replicas: readonly ServerAddress[]): Promise<void> {
  for (const replica of replicas) await topology.command(replica, "CONFIG", "SET", "masterauth", password);
}

/** Three instances that have applied `kept`, which the replicas have, and `lost`, which they have not. */
async function appendAndLose(
  topology: Servers,
  namespace: string,
  replicasOf: (key: string) => Promise<readonly ServerAddress[]>,
): Promise<{ readonly all: readonly Following[]; readonly replicas: readonly ServerAddress[] }> {
  const options = { ...topology.config, namespace };
  const all = await Promise.all([follow(options), follow(options), follow(options)]);
  const [one] = all;
  for (const payload of kept) await one.followed.append("b0", payload);
  const replicas = await replicasOf(one.key);
  await cutReplication(topology, replicas);
  // Appended by each of them, one after the other.
  for (const [index, payload] of lost.entries()) await all[index % all.length]?.followed.append("b0", payload);
  await until(() => all.every(({ notes }) => notes.length === kept.length + lost.length), { what: "all entries" });
  return { all, replicas };
}

const kept = ["kept 1", "kept 2"];
const lost = ["lost 1", "lost 2", "lost 3"];

/** What must be so once a new primary serves that never had the lost entries. */
async function checkRecovery(
  topology: Servers,
  all: readonly Following[],
  primary: () => Promise<ServerAddress>,
): Promise<void> {
  const [one] = all as [Following];
  const before = all.map(({ positions }) => positions[kept.length + lost.length - 1] as string);
  const log = async (): Promise<readonly string[]> =>
    payloadsOf(await topology.command(await primary(), "XRANGE", one.key, "-", "+"));
  await until(async () => (await log()).length === kept.length + lost.length, {
    what: "what was lost to be back",
    deadline: 30_000,
  });
  await until(() => all.every(({ counted }) => counted.includes("fork")), { what: "all to find the fork" });
  await one.followed.append("b0", "next");
  await until(() => all.every(({ notes }) => notes.includes("next")), { what: "the next entry" });
  expect((await log()).toSorted()).toEqual([...kept, ...lost, "next"].toSorted());
  for (const [index, following] of all.entries()) {
    const { notes, positions, counted, followed } = following;
    expect(notes.slice(0, 6)).toEqual([...kept, ...lost, "fork"]);
    followsToTheEnd(following, await log());
    expect(counted.filter((what) => what === "fork" || what === "cut")).toEqual(["fork"]);
    const applied = positions.filter((position) => position !== "-");
    for (const [at, position] of applied.slice(1).entries())
      expect(comparePositions(applied[at] as string, position)).toBeLessThan(0);
    expect(comparePositions(followed.follower("b0").position as string, before[index] as string)).toBeGreaterThan(0);
    await until(() => followed.follower("b0").within(2_000), { what: "trust" });
  }
  const reasserted = all.flatMap(({ counted }) => counted.filter((what) => what === "reassertion"));
  expect(reasserted.length).toBeGreaterThanOrEqual(lost.length);
}

describe("a primary that dies with what no replica had", () => {
  let sentinel: SentinelTopology;
  beforeAll(async () => {
    sentinel = await startSentinel({ password });
  });
  afterAll(() => sentinel?.stop());

  test("every follower flushes once, and the lost entries are appended again exactly once", async () => {
    const { all, replicas } = await appendAndLose(sentinel, "sentinel", () => sentinel.replicas());
    const former = await sentinel.primary();
    sentinel.signal(former, "SIGKILL");
    await sentinel.primaryOtherThan(former);
    await mend(sentinel, replicas);
    await checkRecovery(sentinel, all, () => sentinel.primary());
  });
});

describe("a primary that is taken over while it still serves", () => {
  let cluster: ClusterTopology;
  beforeAll(async () => {
    cluster = await startCluster({ password });
  });
  afterAll(() => cluster?.stop());

  test("the same, though positions of both overlap and messages went on", async () => {
    let slot = 0;
    const { all, replicas } = await appendAndLose(cluster, "cluster", async (key) => {
      slot = await cluster.slotOf(key);
      return [await cluster.replicaOf(slot)];
    });
    const former = await cluster.primaryOf(slot);
    await cluster.command(replicas[0] as ServerAddress, "CLUSTER", "FAILOVER", "TAKEOVER");
    await checkRecovery(cluster, all, () => cluster.primaryOf(slot));
    expect((await cluster.primaryOf(slot)).port).not.toBe(former.port);
    await mend(cluster, replicas);
    await cluster.settled();
  });
});
