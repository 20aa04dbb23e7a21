import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import { TextTable } from "../../src/backend/text-table.js";
import { MemoryLockStore } from "../../src/locks/memory-lock-store.js";
import { FakeClock } from "../../src/testing/fake-clock.js";
import {
  fullLockStoreSuite,
  lockStoreSuite,
  type FillableLockStoreHarness,
} from "../../src/testing/lock-store-suite.js";
import { startTopology, type Topology } from "../support/servers/topology.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { lockHarness } from "./redis-lock-harness.js";
import { openBackend } from "./redis-session-harness.js";

const kind = process.env["TEST_TOPOLOGY"] ?? "memory";

if (kind === "memory") onMemory();
else onRedis(kind as "single" | "sentinel" | "cluster");

function onMemory(): void {
  const createStore = async (): Promise<FillableLockStoreHarness> => {
    const clock = new FakeClock();
    const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock });
    const table = backend.room("locks", () => new TextTable(backend));
    const { keys } = backend;
    let filled = 0;
    return {
      store: new MemoryLockStore(backend),
      elapse: async (milliseconds) => clock.advance(milliseconds),
      // What ends now is not there any more.
      plant: async (name, text = "") =>
        table.force(keys.key("locks", name, "lock"), text, backend.time() + (text === "" ? 0 : 60_000)),
      plantRegister: async (register, text) =>
        table.force(keys.key("locks", register, "register"), text, backend.time() + 60_000),
      listen: async (process) => {
        const heard: string[] = [];
        const message = (text: string): void => void heard.push(text);
        backend.subscribe(keys.mailChannel(process), { message, gap: () => undefined });
        return heard;
      },
      settle: () =>
        new Promise((resolve) => {
          setImmediate(resolve);
        }),
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
  lockStoreSuite({ test, createStore });
  fullLockStoreSuite({ test, createStore });
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
    // Side by side, because many of them wait for a lease to end.
    lockStoreSuite({ test: test.concurrent, createStore: async () => lockHarness(topology, backend) });
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
    fullLockStoreSuite({ test, createStore: async () => lockHarness(topology, backend) });
  });
}
