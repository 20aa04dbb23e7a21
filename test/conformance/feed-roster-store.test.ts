import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { fullRosterStoreSuite, rosterStoreSuite } from "../../src/testing/roster-store-suite.js";
import { startTopology, type Topology } from "../support/servers/topology.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { memoryRosterHarness, noFilling, redisRosterHarness, serverFilling } from "./feed-harness.js";
import { openBackend } from "./redis-session-harness.js";

const kind = process.env["TEST_TOPOLOGY"] ?? "memory";

if (kind === "memory") {
  const createStore = async (): Promise<ReturnType<typeof memoryRosterHarness>> => memoryRosterHarness();
  rosterStoreSuite({ test, createStore });
  fullRosterStoreSuite({ test, createStore });
} else {
  onRedis(kind as "single" | "sentinel" | "cluster");
}

function onRedis(topologyKind: "single" | "sentinel" | "cluster"): void {
  describe("on the project's servers", () => {
    let backend: RedisBackend;
    beforeAll(async () => {
      backend = await openBackend(topologyForTest().config);
    });
    afterAll(() => backend.close());
    rosterStoreSuite({ test, createStore: () => redisRosterHarness(backend, noFilling) });
  });

  describe("on servers of its own, whose memory it fills", () => {
    let backend: RedisBackend;
    let topology: Topology;
    beforeAll(async () => {
      topology = await startTopology(topologyKind);
      backend = await openBackend(topology.config);
    });
    afterAll(async () => {
      await backend?.close();
      await topology?.stop();
    });
    fullRosterStoreSuite({ test, createStore: () => redisRosterHarness(backend, serverFilling(topology)) });
  });
}
