import { afterEach, describe, expect, test } from "vitest";
import { RedisProcess } from "../../../support/servers/redis-process.js";
import {
  isSameAddress,
  type RunningTopology,
  type TopologyDescription,
} from "../../../support/servers/running-topology.js";
import { startSentinel } from "../../../support/servers/sentinel.js";
import { startSingle } from "../../../support/servers/single.js";
import { connectionString, openTopology, startTopology } from "../../../support/servers/topology.js";
import { provideTopology } from "../../../support/setup/provide-topology.js";
import { leftovers } from "../processes.js";

const started: RunningTopology[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((topology) => topology.stop()));
});

function keep<T extends RunningTopology>(topology: T): T {
  started.push(topology);
  return topology;
}

function traces(processes: readonly RedisProcess[]): () => unknown[] {
  const pids = processes.map(({ pid }) => pid);
  return () =>
    leftovers(
      pids,
      processes.map(({ directory }) => directory),
    );
}

describe("single", () => {
  test("is described as plain data and works from the description", async () => {
    const topology = keep(await startSingle({ password: "p@ss" }));
    const [node] = topology.config.nodes;
    expect(connectionString(topology.config)).toBe(`redis://:p%40ss@127.0.0.1:${node?.port}`);

    const description = JSON.parse(JSON.stringify(topology.describe())) as TopologyDescription;
    const opened = openTopology(description);
    const [primary] = opened.config.nodes;
    if (primary === undefined) throw new Error("no node was described");
    await expect(opened.command(primary, "SET", "a", 1)).resolves.toBe("OK");
    expect(() => opened.processAt(primary)).toThrow(/this process started no server/);

    opened.signal(primary, "SIGKILL");
    await topology.server.kill();
    expect(opened.servers).toEqual([]);
    await topology.server.restart();
    expect(topology.servers).toHaveLength(1);
  });

  test("an unknown kind is refused", () => {
    expect(() => startTopology("double" as "single")).toThrow(
      "double is no topology; there are single, sentinel and cluster",
    );
  });
});

describe("sentinel", () => {
  test("fails over as planned and after a crash, and leaves nothing behind", async () => {
    const topology = keep(await startSentinel({ password: "data", sentinelPassword: "watch", replicas: 2 }));
    expect(topology.sentinels).toHaveLength(3);
    expect(connectionString(topology.config)).toMatch(
      /^redis\+sentinel:\/\/:data@127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/mymaster$/,
    );
    const first = await topology.primary();
    expect(await topology.replicas()).toHaveLength(2);

    const second = await topology.failover();
    expect(isSameAddress(first, second)).toBe(false);
    await expect(topology.command(second, "SET", "a", 1)).resolves.toBe("OK");

    await topology.processAt(second).kill();
    const third = await topology.primaryOtherThan(second);
    expect(await topology.replicas()).toHaveLength(1);
    await expect(topology.command(third, "SET", "b", 1)).resolves.toBe("OK");

    const remaining = traces(topology.processes);
    await topology.stop();
    expect(remaining()).toEqual([]);
  });
});

describe("globalSetup", () => {
  test("provides the servers to the tests of its project and ends them after", async () => {
    const provided = new Map<string, TopologyDescription>();
    const project = { provide: (key: string, value: TopologyDescription) => provided.set(key, value) };
    const teardown = await provideTopology(project as unknown as Parameters<typeof provideTopology>[0], "single");
    const description = provided.get("topology") as TopologyDescription;
    expect(
      leftovers(
        description.servers.map(({ pid }) => pid),
        [],
      ),
    ).toHaveLength(1);
    await teardown();
    expect(
      leftovers(
        description.servers.map(({ pid }) => pid),
        [],
      ),
    ).toEqual([]);
  });
});
