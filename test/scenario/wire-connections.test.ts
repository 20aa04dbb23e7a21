import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createFleet, type Fleet } from "../../src/index.js";
import { startCluster } from "../support/servers/cluster.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import type { RunningTopology, ServerAddress } from "../support/servers/running-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { connectionString } from "../support/servers/topology.js";
import { until } from "../support/until.js";
import { useSessions } from "./fleet-for-test.js";

// How many connections an instance keeps, to which servers and what for: no more and no fewer than docs/topologies.md says.

/** Connections of an instance at one server, by role. */
type Budget = Readonly<Record<string, number>>;

const instance = "counted";
const primary: Budget = { command: 1 };
const replica: Budget = {};
const watched: Budget = { watch: 1 };
/** One for the whole backend, at any data server: it hears of the other instances. */
const anywhere: Budget = { subscribe: 1 };

/** The budget by server. What it does not name, such as what asks for the topology and ends, must not be there. */
type Expected = readonly (readonly [server: ServerAddress, budget: Budget])[];

/** Waits until the servers have exactly these connections. */
async function expectExactly(
  topology: RunningTopology,
  namespace: string,
  expected: Expected,
  total: Budget = anywhere,
): Promise<void> {
  const wanted = show(expected, total);
  const now = async (): Promise<string> => {
    const servers = expected.map(async ([server]) => [server, await countAt(topology, server, namespace)] as const);
    const counted = await Promise.all(servers);
    const subscribers = counted.reduce((sum, [, { subscribe = 0 }]) => sum + subscribe, 0);
    const others = counted.map(([server, roles]) => [server, without("subscribe", roles)] as const);
    return show(others, subscribers === 0 ? {} : { subscribe: subscribers });
  };
  await until(async () => (await now()) === wanted, { what: wanted, every: 100 }).catch(async () => {
    expect(await now()).toBe(wanted);
  });
}

async function countAt(topology: RunningTopology, server: ServerAddress, namespace: string): Promise<Budget> {
  const counts: Record<string, number> = {};
  const list = String(await topology.command(server, "CLIENT", "LIST"));
  for (const [, name = ""] of list.matchAll(/ name=(\S*)/g)) {
    const [space, role = "", who] = name.split(":");
    if (space === namespace && who === instance) counts[role] = (counts[role] ?? 0) + 1;
  }
  return counts;
}

function without(role: string, roles: Budget): Budget {
  return Object.fromEntries(Object.entries(roles).filter(([name]) => name !== role));
}

function show(counts: Expected, total: Budget): string {
  const lines = counts.map(([{ port }, budget]) => `${port} ${JSON.stringify(budget)}`);
  return [...lines, `anywhere ${JSON.stringify(total)}`].join("\n");
}

interface Counted {
  readonly fleet: Fleet;
  readonly namespace: string;
}

/** A fleet on servers of its own, in use. */
async function inUse<T extends RunningTopology>(
  starting: Promise<T>,
  look: (topology: T, counted: Counted) => Promise<void>,
): Promise<void> {
  const topology = await starting;
  const namespace = `wire-${randomBytes(4).toString("hex")}`;
  const fleet = createFleet({ backend: connectionString(topology.config), namespace, instance, logger: false });
  try {
    await fleet.ready();
    await useSessions(fleet);
    await look(topology, { fleet, namespace });
    await fleet.close();
    const nobody = topology.servers.map((server) => [server, {}] as const);
    await expectExactly(topology, namespace, nobody, {});
  } finally {
    await fleet.close();
    await topology.stop();
  }
}

describe.concurrent("the connections of an instance", () => {
  test("on one server, before and after its restart", async () => {
    await inUse(startSingle(), async (topology: SingleTopology, { fleet, namespace }) => {
      const expected = [[await topology.primary(), primary]] as const;
      await expectExactly(topology, namespace, expected);
      await topology.server.restart();
      await useSessions(fleet);
      await expectExactly(topology, namespace, expected);
    });
  });

  test("with sentinels, before and after a failover", async () => {
    await inUse(startSentinel(), async (topology: SentinelTopology, { fleet, namespace }) => {
      const expected = async (): Promise<Expected> => [
        [await topology.primary(), primary],
        ...(await topology.replicas()).map((server) => [server, replica] as const),
        ...topology.sentinels.map((server) => [server, watched] as const),
      ];
      await expectExactly(topology, namespace, await expected());
      await topology.failover();
      await useSessions(fleet);
      await expectExactly(topology, namespace, await expected());
    });
  });

  // A planned failover leaves the connection to the former primary for a while, for redirects and late replies.
  test("on a cluster, before and after the death of a primary", async () => {
    await inUse(startCluster(), async (topology: ClusterTopology, { fleet, namespace }) => {
      const expected = async (): Promise<Expected> =>
        (await topology.nodes())
          .filter(({ failed }) => !failed)
          .map((node) => [node, node.role === "primary" ? primary : replica] as const);
      await expectExactly(topology, namespace, await expected());
      const [first] = await topology.primaries();
      if (first === undefined) throw new Error("a cluster has primaries");
      await topology.processAt(first).kill();
      await topology.settled();
      await useSessions(fleet);
      expect((await topology.primaries()).map(({ port }) => port)).not.toContain(first.port);
      await expectExactly(topology, namespace, await expected());
    });
  });
});
