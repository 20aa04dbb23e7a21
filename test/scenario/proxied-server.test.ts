import { expect, onTestFinished, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { freePort } from "../support/servers/free-port.js";
import { RedisProcess } from "../support/servers/redis-process.js";
import { addressOf } from "../support/servers/running-topology.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";
import { startCallers, type Callers } from "../unit/backend/callers.js";
import { openBackend } from "../unit/backend/open-backend.js";

const keys = Array.from({ length: 8 }, (_, index) => `test:room:{${index}}:x`);

async function startServer(config: readonly string[] = []): Promise<RedisProcess> {
  const server = await RedisProcess.start({ config });
  onTestFinished(() => server.stop());
  return server;
}

async function callBehindProxy(
  target: RedisProcess,
): Promise<{ proxy: TcpProxy; backend: RedisBackend; callers: Callers }> {
  const proxy = await TcpProxy.start({ target, protocol: "bytes" });
  onTestFinished(() => proxy.stop());
  const backend = openBackend({ nodes: [addressOf(proxy)] });
  await backend.ready();
  const callers = startCallers(backend, keys);
  await until(() => callers.acknowledged >= 100, { what: "the load to run" });
  return { proxy, backend, callers };
}

test("a connection that is open and silent is left after two seconds, and what it held and delivers late changes nothing", async () => {
  const { proxy, backend, callers } = await callBehindProxy(await startServer());
  const seen = callers.acknowledged;
  expect(proxy.stallOpen()).toBe(1);
  await until(() => callers.acknowledged >= seen + 100, { what: "the load to go on" });
  await proxy.pass();
  const { errors, lost, longest } = await callers.stop();
  expect({ errors, lost }).toEqual({ errors: [], lost: 0 });
  expect(longest).toBeLessThan(5_000);
  expect(backend.stats()).toMatchObject({ reconnects: 1, timeouts: 0 });
});

test("an address that moves to the promoted replica is followed while the old primary lives on as a replica", async () => {
  const primary = await startServer();
  const replica = await startServer([`replicaof ${primary.host} ${primary.port}`]);
  await until(async () => (await replica.info("replication")).get("master_link_status") === "up", {
    what: "the replica to follow the primary",
  });
  const { proxy, backend, callers } = await callBehindProxy(primary);
  // To follow nobody at first: a primary that follows a replica behind it throws away what that has not received.
  await primary.command("REPLICAOF", primary.host, await freePort());
  await until(async () => (await offsetOf(primary)) === (await offsetOf(replica)), {
    what: "the replica to have every write",
  });
  await replica.command("REPLICAOF", "NO", "ONE");
  await primary.command("REPLICAOF", replica.host, replica.port);
  // Connections that are open stay with the old primary; it is the client that must end them.
  proxy.switchTo(replica);
  const seen = callers.acknowledged;
  await until(() => callers.acknowledged >= seen + 100, { what: "the load to go on" });
  const { errors, lost, longest } = await callers.stop();
  expect({ errors, lost }).toEqual({ errors: [], lost: 0 });
  expect(longest).toBeLessThan(5_000);
  expect(backend.stats()).toMatchObject({ connections: 1, timeouts: 0 });
  expect(proxy.open).toBe(1);
});

async function offsetOf(server: RedisProcess): Promise<string | undefined> {
  return (await server.info("replication")).get("master_repl_offset");
}
