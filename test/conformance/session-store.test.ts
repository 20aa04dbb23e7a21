import { hash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import { createRedisBackend } from "../../src/backend/redis/redis-backend.js";
import { systemClock } from "../../src/core/clock.js";
import { sessionKey } from "../../src/sessions/identifier.js";
import { MemorySessionStore } from "../../src/sessions/memory-session-store.js";
import { RedisSessionStore } from "../../src/sessions/redis-session-store.js";
import { SessionTable } from "../../src/sessions/session-table.js";
import { FakeClock } from "../../src/testing/fake-clock.js";
import {
  fullSessionStoreSuite,
  sessionStoreSuite,
  type FillableSessionStoreHarness,
} from "../../src/testing/session-store-suite.js";
import { startTopology, type Topology } from "../support/servers/topology.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { until } from "../support/until.js";

const kind = process.env["TEST_TOPOLOGY"] ?? "memory";

if (kind === "memory") onMemory();
else onRedis(kind as "single" | "sentinel" | "cluster");

function onMemory(): void {
  const createStore = async (): Promise<FillableSessionStoreHarness> => {
    const clock = new FakeClock();
    const backend = createMemoryBackend({ namespace: "test", clock });
    const table = backend.room("sessions", () => new SessionTable(backend));
    let filled = 0;
    return {
      store: new MemorySessionStore(backend),
      elapse: async (milliseconds) => clock.advance(milliseconds),
      plant: async (selector, text) =>
        void table.set(sessionKey(backend.keys, selector), text, backend.time() + 60_000),
      fill: async () => {
        for (let bytes = 2 ** 30; bytes >= 1; bytes = Math.floor(bytes / 2)) {
          while (backend.budget.claim(bytes)) filled += bytes;
        }
      },
      drain: async () => {
        backend.budget.release(filled);
        filled = 0;
      },
      close: () => backend.close(),
    };
  };
  sessionStoreSuite({ test, createStore });
  fullSessionStoreSuite({ test, createStore });
}

function onRedis(topologyKind: "single" | "sentinel" | "cluster"): void {
  describe("on the project's servers", () => {
    let backend: RedisBackend;
    let topology: Topology;
    beforeAll(async () => {
      topology = topologyForTest();
      backend = await open(topology);
    });
    afterAll(() => backend.close());
    sessionStoreSuite({ test, createStore: async () => harnessOn(topology, backend) });
  });

  describe("on servers of its own, whose memory it fills", () => {
    let backend: RedisBackend;
    let topology: Topology;
    beforeAll(async () => {
      topology = await startTopology(topologyKind);
      backend = await open(topology);
    });
    afterAll(async () => {
      await backend.close();
      await topology.stop();
    });
    fullSessionStoreSuite({ test, createStore: async () => harnessOn(topology, backend) });
  });
}

async function open({ config }: Topology): Promise<RedisBackend> {
  const backend = createRedisBackend({
    config: { ...config, database: 0, timeouts: { connect: 5000, command: 8000, start: 10_000 }, maxPending: 10_000 },
    // Of its own for each run, so that a server which lives longer is no trouble.
    namespace: `test.${randomBytes(6).toString("hex")}`,
    instance: "conformance",
    clock: systemClock,
    onListenerError: () => undefined,
  });
  await backend.ready();
  return backend;
}

function harnessOn(topology: Topology, backend: RedisBackend): FillableSessionStoreHarness {
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
      const plantText = {
        name: "test/plant",
        source: "return { redis.call('SET', KEYS[1], ARGV[1]).ok }",
        sha1: "",
        keys: ["key"],
        args: ["text"],
        readOnly: false,
      } as const;
      await backend.run({ ...plantText, sha1: sha1(plantText.source) }, { keys: { key }, args: { text } });
    },
    fill: () => onEachServer("CONFIG", "SET", "maxmemory", 1),
    drain: () => onEachServer("CONFIG", "SET", "maxmemory", 0),
    close: async () => undefined,
  };
}

function sha1(text: string): string {
  return hash("sha1", text);
}
