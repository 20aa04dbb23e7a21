import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { RespClient } from "../support/resp-client.js";
import { freePort } from "../support/servers/free-port.js";
import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { pause, until } from "../support/until.js";
import { startCallers, type Callers } from "../unit/backend/callers.js";
import { openBackend } from "../unit/backend/open-backend.js";

let topology: SentinelTopology;
beforeAll(async () => {
  topology = await startSentinel();
});
afterAll(() => topology?.stop());

let number = 0;
let backend: RedisBackend;
let callers: Callers;
beforeEach(async () => {
  number += 1;
  backend = openBackend(topology.config);
  await backend.ready();
  callers = startCallers(
    backend,
    Array.from({ length: 8 }, (_, index) => `test:room:{${number}-${index}}:x`),
  );
  await until(() => callers.acknowledged >= 100, { what: "the load to run" });
});

async function goOn(): Promise<void> {
  const seen = callers.acknowledged;
  await until(() => callers.acknowledged >= seen + 100, { what: "the load to go on" });
}

function watched(): number {
  return backend.topology().nodes.filter(({ role, state }) => role === "sentinel" && state === "connected").length;
}

test("while no sentinel answers the primary is served, also over a new connection", async () => {
  const primary = await topology.primary();
  const sentinels = topology.sentinels.map((sentinel) => topology.processAt(sentinel));
  await Promise.all(sentinels.map((sentinel) => sentinel.kill("SIGKILL")));
  await topology.command(primary, "CLIENT", "KILL", "TYPE", "normal");
  await until(() => backend.state === "degraded", { what: "the sentinels to be missed" });
  await goOn();
  expect(backend.stats()).toMatchObject({ connections: 1, reconnects: 1 });
  await Promise.all(sentinels.map((sentinel) => sentinel.restart()));
  await until(() => backend.state === "ready", { what: "the sentinels to answer again" });
  await until(() => watched() === 3, { what: "the sentinels to be listened to again" });
  await topology.settled();
  expect(await callers.stop()).toMatchObject({ errors: [], lost: 0 });
});

test("a primary that is made a replica, and a primary again, costs no call", async () => {
  const primary = await topology.primary();
  await topology.command(primary, "REPLICAOF", primary.host, await freePort());
  await until(() => backend.stats().connections === 0, { what: "the replica to be left" });
  await pause(300);
  const seen = callers.acknowledged;
  await topology.command(primary, "REPLICAOF", "NO", "ONE");
  await until(() => callers.acknowledged >= seen + 100, { what: "the load to go on" });
  expect(await callers.stop()).toMatchObject({ errors: [], lost: 0 });
  await topology.settled();
});

test("connections that every server ends twenty times a second cost no call", async () => {
  const administrators = await Promise.all(
    topology.servers.map((server) => RespClient.connect(topology.clientOptions(server))),
  );
  let killed = 0;
  for (let turn = 0; turn < 20; turn += 1) {
    for (const type of ["normal", "pubsub"]) {
      const counts = await Promise.all(administrators.map((client) => client.command("CLIENT", "KILL", "TYPE", type)));
      killed += counts.reduce<number>((sum, count) => sum + Number(count), 0);
    }
    await pause(50);
  }
  for (const client of administrators) client.close();
  expect(killed).toBeGreaterThan(5);
  // Connections that live shortly are opened again with a growing pause.
  expect(backend.stats().reconnects).toBeGreaterThan(1);
  await goOn();
  expect(await callers.stop()).toMatchObject({ errors: [], lost: 0 });
});

test("a failover is followed while the first sentinel of the list is frozen", async () => {
  const failovers: { from: string; to: string }[] = [];
  backend.on("failover", (failover) => failovers.push(failover));
  const before = await topology.primary();
  const [first, other] = topology.config.nodes;
  if (first === undefined || other === undefined) throw new Error("three sentinels were started");
  topology.processAt(first).pause();
  await until(() => topology.command(other, "SENTINEL", "FAILOVER", topology.name), {
    what: "a sentinel to begin the failover",
  });
  await until(() => failovers.length > 0, { what: "the failover to be seen" });
  await goOn();
  const { errors, lost } = await callers.stop();
  expect({ errors, lost }).toEqual({ errors: [], lost: 0 });
  topology.processAt(first).resume();
  const after = await topology.primaryOtherThan(before);
  expect(failovers).toEqual([{ from: `${before.host}:${before.port}`, to: `${after.host}:${after.port}` }]);
});
