import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { logStoreSuite } from "../../src/testing/log-store-suite.js";
import { rosterStoreSuite } from "../../src/testing/roster-store-suite.js";
import { noFilling, redisLogHarness, redisRosterHarness } from "../conformance/feed-harness.js";
import { openBackend } from "../conformance/redis-session-harness.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { startCluster } from "../support/servers/cluster.js";

/** Every slot is MIGRATING while the suites run: what is there is served by its owner, what is not by the next primary (ASK). */
describe("logs and rosters, with every slot of the cluster left open", () => {
  let cluster: ClusterTopology;
  let backend: RedisBackend;

  beforeAll(async () => {
    cluster = await startCluster();
    backend = await openBackend(cluster.config, cluster.config.nodes.slice(0, 1));
    await cluster.openAllSlots();
  });

  afterAll(async () => {
    await backend?.close();
    await cluster?.stop();
  });

  logStoreSuite({ test: test.concurrent, createStore: () => redisLogHarness(backend, noFilling) });
  rosterStoreSuite({ test, createStore: () => redisRosterHarness(backend, noFilling) });

  test("redirects were followed, and every key is of this namespace and room", async () => {
    assert.ok(backend.stats().redirects > 100, `${backend.stats().redirects} redirects`);
    const keys: string[] = [];
    for (const { host, port } of await cluster.primaries())
      keys.push(...((await cluster.command({ host, port }, "KEYS", "*")) as string[]));
    assert.ok(keys.length > 20);
    assert.deepEqual(
      keys.filter((key) => !key.startsWith(`${backend.keys.namespace}:feed:{`)),
      [],
    );
  });
});
