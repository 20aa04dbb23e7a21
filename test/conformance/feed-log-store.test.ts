import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { fullLogStoreSuite, logStoreSuite } from "../../src/testing/log-store-suite.js";
import { startTopology, type Topology } from "../support/servers/topology.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { memoryLogHarness, noFilling, redisLogHarness, serverFilling } from "./feed-harness.js";
import { openBackendUntilClosed } from "../unit/backend/open-backend.js";
import { openBackend } from "./redis-session-harness.js";
import { haveAccessLists, restrictedUser } from "./restricted-user.js";

const hasAccessLists = await haveAccessLists();
const kind = process.env["TEST_TOPOLOGY"] ?? "memory";

if (kind === "memory") {
  logStoreSuite({ test, createStore: memoryLogHarness });
  fullLogStoreSuite({ test, createStore: memoryLogHarness });
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
    logStoreSuite({ test: test.concurrent, createStore: () => redisLogHarness(backend, noFilling) });
  });

  if (hasAccessLists) {
    describe("as a user with the access that the docs grant it", () => {
      const { config } = topologyForTest();
      const namespace = `feed-log-${process.pid}-${randomBytes(3).toString("hex")}`;
      const user = restrictedUser(topologyForTest(), namespace);
      let backend: RedisBackend;
      let hands: RedisBackend;
      beforeAll(async () => {
        backend = openBackendUntilClosed({ ...config, ...user, namespace });
        hands = await openBackend(config);
        await backend.ready();
      });
      afterAll(async () => {
        await backend?.close();
        await hands?.close();
      });
      logStoreSuite({ test: test.concurrent, createStore: () => redisLogHarness(backend, noFilling, hands) });
    });
  }

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
    fullLogStoreSuite({ test, createStore: () => redisLogHarness(backend, serverFilling(topology)) });
  });
}
