import { hash, randomBytes } from "node:crypto";
import type { RedisBackend } from "../../src/backend/backend.js";
import { createRedisBackend } from "../../src/backend/redis/redis-backend.js";
import type { Script } from "../../src/backend/script.js";
import { systemClock } from "../../src/core/clock.js";
import { sessionKey } from "../../src/sessions/identifier.js";
import { RedisSessionStore } from "../../src/sessions/redis-session-store.js";
import type { FillableSessionStoreHarness } from "../../src/testing/session-store-suite.js";
import type { ServerAddress, TopologyConfig } from "../support/servers/running-topology.js";
import type { Topology } from "../support/servers/topology.js";
import { until } from "../support/until.js";

/** Opens a backend in a namespace of its own, and resolves when it answers; `nodes` replaces the addresses, for a proxy. */
export async function openBackend(
  config: TopologyConfig,
  nodes: readonly ServerAddress[] = config.nodes,
): Promise<RedisBackend> {
  const backend = createRedisBackend({
    config: {
      ...config,
      nodes,
      database: 0,
      timeouts: { connect: 5000, command: 8000, start: 10_000 },
      maxPending: 10_000,
    },
    // Of its own for each run, so that a server which lives longer is no trouble.
    namespace: `test.${randomBytes(6).toString("hex")}`,
    instance: "conformance",
    instanceId: "conformance",
    clock: systemClock,
    onListenerError: () => undefined,
  });
  await backend.ready();
  return backend;
}

const plantText: Script<"key", "text", readonly ["OK"]> = {
  name: "test/plant",
  source: "return { redis.call('SET', KEYS[1], ARGV[1]).ok }",
  sha1: hash("sha1", "return { redis.call('SET', KEYS[1], ARGV[1]).ok }"),
  keys: ["key"],
  args: ["text"],
  readOnly: false,
};

/** What the suites of the session port need, on real servers. */
export function sessionHarness(topology: Topology, backend: RedisBackend): FillableSessionStoreHarness {
  const onEachServer = async (...words: (string | number)[]): Promise<void> => {
    await Promise.all(topology.dataServers.map((server) => topology.command(server, ...words)));
  };
  const serverTime = async (): Promise<number> => {
    const [server] = topology.dataServers;
    if (server === undefined) throw new Error("no server runs");
    const [seconds, microseconds] = (await topology.command(server, "TIME")) as string[];
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  };
  return {
    store: new RedisSessionStore(backend),
    elapse: async (milliseconds) => {
      const end = (await serverTime()) + milliseconds;
      await until(async () => (await serverTime()) > end, {
        what: `${milliseconds} ms to pass on the server`,
        every: 5,
      });
    },
    plant: async (selector, text) => {
      const key = sessionKey(backend.keys, selector);
      await backend.run(plantText, { keys: { key }, args: { text } });
    },
    fill: () => onEachServer("CONFIG", "SET", "maxmemory", 1),
    drain: () => onEachServer("CONFIG", "SET", "maxmemory", 0),
    close: async () => undefined,
  };
}
