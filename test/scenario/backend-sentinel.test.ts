import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { isSameAddress, type ServerAddress } from "../support/servers/running-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { until } from "../support/until.js";
import { startCallers } from "../unit/backend/callers.js";
import { openBackend } from "../unit/backend/open-backend.js";

let topology: SentinelTopology;
beforeAll(async () => {
  topology = await startSentinel();
});
afterAll(() => topology?.stop());

let number = 0;
let keys: string[];
beforeEach(() => {
  number += 1;
  keys = Array.from({ length: 8 }, (_, index) => `test:room:{${number}-${index}}:x`);
});

async function open(): Promise<{ backend: RedisBackend; failovers: { from: string; to: string }[] }> {
  const [seed] = topology.config.nodes;
  const backend = openBackend({ ...topology.config, nodes: seed === undefined ? [] : [seed] });
  const failovers: { from: string; to: string }[] = [];
  backend.on("failover", (failover) => failovers.push(failover));
  await backend.ready();
  return { backend, failovers };
}

function text({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}

async function commandConnections(server: ServerAddress): Promise<number> {
  return String(await topology.command(server, "CLIENT", "LIST")).split(" name=test:command:one ").length - 1;
}

test("a crash of the primary, with one sentinel frozen, costs no call", async () => {
  const { backend, failovers } = await open();
  const before = await topology.primary();
  const [, frozen] = topology.sentinels;
  if (frozen === undefined) throw new Error("three sentinels were started");
  const callers = startCallers(backend, keys);
  await until(() => callers.acknowledged >= 100, { what: "the load to run" });
  topology.processAt(frozen).pause();
  await topology.processAt(before).kill();
  await until(() => failovers.length > 0, { what: "the failover to be seen", deadline: 20_000 });
  const seen = callers.acknowledged;
  await until(() => callers.acknowledged >= seen + 100, { what: "the load to go on" });
  const { errors, longest } = await callers.stop();
  expect(errors).toEqual([]);
  expect(longest).toBeLessThan(8_000);
  expect(failovers).toMatchObject([{ from: text(before) }]);
  expect(backend.state).toBe("ready");
  topology.processAt(frozen).resume();
  await topology.processAt(before).restart();
});

test("a planned failover costs no call; old primaries that come back as replicas are left alone", async () => {
  const { backend, failovers } = await open();
  const before = await topology.primary();
  const callers = startCallers(backend, keys);
  await until(() => callers.acknowledged >= 100, { what: "the load to run" });
  const after = await topology.failover();
  await until(() => failovers.length > 0, { what: "the failover to be seen" });
  const seen = callers.acknowledged;
  await until(() => callers.acknowledged >= seen + 100, { what: "the load to go on" });
  const { errors } = await callers.stop();
  expect(errors).toEqual([]);
  expect(failovers).toEqual([{ from: text(before), to: text(after) }]);
  expect(await commandConnections(before)).toBe(0);
  await topology.settled();
  const replicas = await topology.replicas();
  expect(replicas.some((replica) => isSameAddress(replica, before))).toBe(true);
  expect(await Promise.all(replicas.map(commandConnections))).toEqual(replicas.map(() => 0));
  expect(await commandConnections(after)).toBe(1);
  expect(backend.topology().nodes.filter(({ role }) => role === "sentinel")).toHaveLength(3);
});
