import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { fullReservationStoreSuite, reservationStoreSuite } from "../../src/testing/reservation-store-suite.js";
import { startTopology, type Topology } from "../support/servers/topology.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { noFilling, serverFilling } from "./feed-harness.js";
import { openBackend } from "./redis-session-harness.js";
import { memoryReservationHarness, redisReservationHarness } from "./reservation-harness.js";

const kind = process.env["TEST_TOPOLOGY"] ?? "memory";

if (kind === "memory") {
  reservationStoreSuite({ test, createStore: memoryReservationHarness });
  fullReservationStoreSuite({ test, createStore: memoryReservationHarness });
} else {
  onRedis(kind as "single" | "sentinel" | "cluster");
}

function onRedis(topologyKind: "single" | "sentinel" | "cluster"): void {
  describe("on the project's servers", () => {
    let backend: RedisBackend;
    beforeAll(async () => {
      backend = await openBackend(topologyForTest().config);
    });
    afterAll(() => backend?.close());
    reservationStoreSuite({ test, createStore: () => redisReservationHarness(backend, noFilling) });
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
    fullReservationStoreSuite({ test, createStore: () => redisReservationHarness(backend, serverFilling(topology)) });
  });
}
