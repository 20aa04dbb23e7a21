import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import { sessionKey } from "../../src/sessions/identifier.js";
import { MemorySessionStore } from "../../src/sessions/memory-session-store.js";
import { TextTable } from "../../src/backend/text-table.js";
import { FakeClock } from "../../src/testing/fake-clock.js";
import {
  fullSessionStoreSuite,
  sessionStoreSuite,
  type FillableSessionStoreHarness,
} from "../../src/testing/session-store-suite.js";
import { startTopology, type Topology } from "../support/servers/topology.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { openBackend, sessionHarness } from "./redis-session-harness.js";

const kind = process.env["TEST_TOPOLOGY"] ?? "memory";

if (kind === "memory") onMemory();
else onRedis(kind as "single" | "sentinel" | "cluster");

function onMemory(): void {
  const createStore = async (): Promise<FillableSessionStoreHarness> => {
    const clock = new FakeClock();
    const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock });
    const table = backend.room("sessions", () => new TextTable(backend));
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
      backend = await openBackend(topology.config);
    });
    afterAll(() => backend.close());
    // They wait for sessions to end more than they work.
    sessionStoreSuite({ test: test.concurrent, createStore: async () => sessionHarness(topology, backend) });
  });

  describe("on servers of its own, whose memory it fills", () => {
    let backend: RedisBackend;
    let topology: Topology;
    beforeAll(async () => {
      topology = await startTopology(topologyKind);
      backend = await openBackend(topology.config);
    });
    afterAll(async () => {
      await backend.close();
      await topology.stop();
    });
    fullSessionStoreSuite({ test, createStore: async () => sessionHarness(topology, backend) });
  });
}
