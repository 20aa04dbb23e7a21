import { afterEach, expect, test } from "vitest";
import { OwnServers } from "../../../examples/demo/own-servers.js";
import { connectionString, startTopology, type Topology } from "../../support/servers/topology.js";
import type { TopologyKind } from "../../support/servers/running-topology.js";
import { until } from "../../support/until.js";

let own: OwnServers | undefined;
afterEach(async () => {
  await own?.close();
  own = undefined;
});

interface Started {
  readonly own: OwnServers;
  readonly topology: Topology;
  readonly told: string[];
}

async function start(kind: TopologyKind): Promise<Started> {
  const topology = await startTopology(kind);
  const told: string[] = [];
  own = new OwnServers(topology, (what, text) => told.push(`${what}: ${text}`));
  return { own, topology, told };
}

/** The addresses of the servers that have a button for this, also where it says why not now. */
async function serversTo(action: string, servers: OwnServers): Promise<readonly string[]> {
  return (await servers.list()).filter(({ option }) => option?.action === action).map(({ address }) => address);
}

async function untilNothingSpeaksAgainst(servers: OwnServers, address: string, action: string): Promise<void> {
  const isPossible = async (): Promise<boolean> =>
    (await servers.list()).some(
      ({ address: at, option }) => at === address && option?.action === action && option.refusal === undefined,
    );
  await until(isPossible, { what: `${action} of ${address} to be possible`, deadline: 20_000, every: 100 });
}

test("single: the server is restarted, and started when it died by itself", async () => {
  const { own: servers, topology, told } = await start("single");
  const [address = ""] = await serversTo("restart", servers);
  expect(connectionString(topology.config)).toBe(`redis://${address}`);
  expect(await servers.act(address, "kill")).toEqual({
    refused: expect.stringContaining("only a primary can be killed"),
  });
  expect(await servers.act(address, "start")).toEqual({ refused: `${address} runs.` });
  const [{ pid: before } = { pid: 0 }] = topology.servers;
  expect(await servers.act(address, "restart")).toEqual({ done: `${address} was killed (SIGKILL).` });
  const [{ pid: after } = { pid: 0 }] = topology.servers;
  expect(after).not.toBe(before);
  expect(told).toEqual([
    `server: ${address} was killed`,
    expect.stringMatching(`^takeover: ${address} runs again, \\d+\\.\\d s after the kill$`),
  ]);

  topology.signal(topology.config.nodes[0] ?? { host: "", port: 0 }, "SIGKILL");
  await untilNothingSpeaksAgainst(servers, address, "start");
  expect(servers.down).toEqual([address]);
  expect(await servers.act(address, "start")).toEqual({ done: `${address} was started again.` });
  expect(servers.down).toEqual([]);
});

test("sentinel: a primary is started again only after a replica took over, and no second one is killed too early", async () => {
  const { own: servers, told } = await start("sentinel");
  const [primary = "", ...others] = await serversTo("kill", servers);
  expect(others).toEqual([]);
  const replica = (await servers.list()).find(({ option }) => option === undefined)?.address ?? "";
  expect(await servers.act(replica, "kill")).toEqual({ refused: expect.stringContaining("is not a primary now") });

  expect(await servers.act(primary, "kill")).toEqual({ done: `${primary} was killed (SIGKILL).` });
  expect(await servers.act(primary, "start")).toEqual({
    refused: expect.stringMatching(/^Not now: no replica has taken over yet/),
  });
  expect(await servers.act(primary, "kill")).toEqual({ refused: `${primary} does not run.` });
  await until(() => told.some((text) => text.startsWith("takeover: ")), { what: "a takeover", deadline: 20_000 });

  await untilNothingSpeaksAgainst(servers, primary, "start");
  const [next = ""] = await serversTo("kill", servers);
  expect(next).not.toBe(primary);
  expect(await servers.act(next, "kill")).toEqual({
    refused: expect.stringContaining("no second failover within 11 s"),
  });
  expect(await servers.act(primary, "start")).toEqual({ done: `${primary} was started again.` });
});

test("cluster: every primary can be killed but one whose replica is gone, which comes back as a replica", async () => {
  const { own: servers } = await start("cluster");
  const primaries = await serversTo("kill", servers);
  expect(primaries).toHaveLength(3);
  const [primary = ""] = primaries;
  expect(await servers.act(primary, "kill")).toEqual({ done: `${primary} was killed (SIGKILL).` });
  expect(await servers.act(primary, "start")).toEqual({
    refused: expect.stringMatching(/^Not now: no replica has taken over yet/),
  });
  await untilNothingSpeaksAgainst(servers, primary, "start");

  const promoted = (await serversTo("kill", servers)).find((address) => !primaries.includes(address)) ?? "";
  expect(await servers.act(promoted, "kill")).toEqual({
    refused: "Not now: no replica of it is left that could take over; start one again first.",
  });
  expect(await servers.act(primary, "start")).toEqual({ done: `${primary} was started again.` });
  await untilNothingSpeaksAgainst(servers, promoted, "kill");
  expect(await serversTo("kill", servers)).not.toContain(primary);
});

test("closing ends a restart that is under way, and leaves nothing", async () => {
  const { own: servers, topology } = await start("single");
  const [address = ""] = await serversTo("restart", servers);
  const restart = servers.act(address, "restart").catch((error: Error) => error.name);
  await until(() => topology.servers.length === 0, { what: "the server to be killed" });
  await servers.close();
  expect(await restart).toBe("AbortError");
  expect(topology.servers).toEqual([]);
  await expect(servers.act(address, "start")).rejects.toThrow();
});

test("closing waits for a start that is under way, and ends that server too", async () => {
  const { own: servers, topology } = await start("single");
  const [address = ""] = await serversTo("restart", servers);
  topology.signal(topology.config.nodes[0] ?? { host: "", port: 0 }, "SIGKILL");
  await untilNothingSpeaksAgainst(servers, address, "start");
  const starting = servers.act(address, "start");
  // Two turns of the microtask queue: by then it has begun.
  await Promise.resolve().then(() => undefined);
  await servers.close();
  expect(await starting).toEqual({ done: `${address} was started again.` });
  expect(topology.servers).toEqual([]);
});
