import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Fleet, FleetOptions } from "../../src/index.js";
import { startCluster } from "../support/servers/cluster.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { findServer } from "../support/servers/find-server.js";
import type { RunningServer, RunningTopology } from "../support/servers/running-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { createSession, keepUsingSessions, readyFleet, useSessions } from "./fleet-for-test.js";

// The users of docs/topologies.md, to the letter: a fleet needs no more, and nothing of it is refused in silence.

type Role = "single, and the data servers behind sentinels" | "cluster" | "sentinels";
const data: Role = "single, and the data servers behind sentinels";

const { product, major } = await findServer();
const page = readFileSync(new URL("../../docs/topologies.md", import.meta.url), "utf8");

/** What stands behind `user shop` in one of the two blocks. */
function rules(block: "Redis 7" | "Redis 6", role: Role): readonly string[] {
  const [, text = ""] = new RegExp(`^${block}[^\\n]*\\n\\n\`\`\`text\\n(.*?)\`\`\``, "ms").exec(page) ?? [];
  const lines = text.split("\n");
  const line = lines[lines.indexOf(`# ${role}`) + 1] ?? "";
  expect(line).toMatch(/^user shop on >SECRET (.* )?-@all \+/);
  return line.split(" ").slice(2);
}

async function setUser(topology: RunningTopology, block: "Redis 7" | "Redis 6", role: Role): Promise<void> {
  await Promise.all(
    topology.dataServers
      .map((server) => setUserAt(topology, server, block, role))
      .concat(topology.sentinels.map((server) => setUserAt(topology, server, block, "sentinels"))),
  );
}

async function setUserAt(
  topology: RunningTopology,
  server: RunningServer,
  block: "Redis 7" | "Redis 6",
  role: Role,
): Promise<void> {
  await topology.command(server, "ACL", "DELUSER", "shop");
  // A user of Redis 6 may use every channel unless told otherwise.
  const channels = block === "Redis 6" ? ["allchannels"] : [];
  await topology.command(server, "ACL", "SETUSER", "shop", ...channels, ...rules(block, role));
  await topology.command(server, "ACL", "LOG", "RESET");
}

/** What was refused to the user, by any server. */
async function refusals(topology: RunningTopology): Promise<readonly string[]> {
  const logs = await Promise.all(topology.servers.map((server) => topology.command(server, "ACL", "LOG")));
  return logs.flat().map((entry) => String(entry));
}

const signIn = { username: "shop", password: "SECRET" };

/** A fleet of that user, at work. */
async function fleetOf(backend: object): Promise<Fleet> {
  const fleet = await readyFleet({ backend: { ...signIn, ...backend } as FleetOptions["backend"], namespace: "shop" });
  await useSessions(fleet);
  return fleet;
}

const blocks = product === "valkey" || major >= 7 ? (["Redis 7", "Redis 6"] as const) : (["Redis 6"] as const);

if (product === "redis" && major < 6) test("this server has no access lists", () => expect(major).toBe(5));
else {
  let single: SingleTopology;
  let sentinels: SentinelTopology;
  let cluster: ClusterTopology;
  beforeAll(async () => {
    [single, sentinels, cluster] = await Promise.all([startSingle(), startSentinel({ replicas: 1 }), startCluster()]);
  });
  afterAll(() => Promise.all([single?.stop(), sentinels?.stop(), cluster?.stop()]));

  const onSentinels = async (): Promise<Fleet> => {
    const { nodes, sentinel } = sentinels.config;
    const fleet = await fleetOf({ kind: "sentinel", nodes, sentinel: { ...sentinel, ...signIn } });
    const connected = (): number => fleet.topology().nodes.filter(({ state }) => state === "connected").length;
    await until(() => connected() === 4, { what: "a watcher of each of three sentinels, and the primary" });
    return fleet;
  };

  describe.each(blocks)("the user for %s", (block) => {
    test("on one server", async () => {
      await setUser(single, block, data);
      await fleetOf({ url: `redis://127.0.0.1:${single.server.port}` });
      expect(await refusals(single)).toEqual([]);
    });

    test("of data servers and of sentinels", async () => {
      await setUser(sentinels, block, data);
      await onSentinels();
      expect(await refusals(sentinels)).toEqual([]);
    });

    test("on a cluster", async () => {
      await setUser(cluster, block, "cluster");
      await fleetOf({ kind: "cluster", nodes: cluster.config.nodes });
      expect(await refusals(cluster)).toEqual([]);
    });
  });

  test("it is enough for a failover of sentinels", async () => {
    await setUser(sentinels, blocks[0], data);
    const load = keepUsingSessions(await onSentinels());
    await sentinels.failover();
    const before = load.done();
    await until(() => load.done() > before + 20, { what: "the load to go on" });
    expect((await load.stop()).errors).toEqual([]);
    expect(await refusals(sentinels)).toEqual([]);
  });

  test("it is enough for slots of a cluster that are moving", async () => {
    await setUser(cluster, blocks[0], "cluster");
    const fleet = await fleetOf({ kind: "cluster", nodes: cluster.config.nodes });
    await cluster.openAllSlots();
    await useSessions(fleet);
    expect(fleet.stats().backend.redirects).toBeGreaterThan(0);
    await cluster.closeAllSlots();
    expect(await refusals(cluster)).toEqual([]);
  });

  test.each([
    [data, "single"],
    ["cluster", "cluster"],
  ] as const)("the help of an error has the same line: %s", async (role, kind) => {
    const topology = kind === "single" ? single : cluster;
    const [documented] = blocks;
    const only = ["reset", "on", ">SECRET", "~shop:*", "+info", ...(kind === "cluster" ? ["+cluster|slots"] : [])];
    for (const server of topology.dataServers) await topology.command(server, "ACL", "SETUSER", "shop", ...only);
    const fleet = await readyFleet({ backend: { ...signIn, kind, nodes: topology.config.nodes }, namespace: "shop" });
    const error = await createSession(fleet).catch((reason: unknown) => reason as Error & { help?: string });
    const help = (error as { help?: string }).help ?? "";
    const granted = (words: readonly string[]): string[] => words.filter((word) => /^[+~&]/.test(word)).sort();
    if (documented === "Redis 7") expect(granted(help.split(" "))).toEqual(granted(rules("Redis 7", role)));
    else expect(help).toContain("~shop:*");
  });
}
