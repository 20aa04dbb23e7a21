import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { lockStoreSuite } from "../../src/testing/lock-store-suite.js";
import { lockHarness } from "../conformance/redis-lock-harness.js";
import { openBackend } from "../conformance/redis-session-harness.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { startCluster } from "../support/servers/cluster.js";

/** Every slot is MIGRATING while the suite runs: what is there is served by its owner, what is not by the next primary (ASK). */
describe("locks, with every slot of the cluster left open", () => {
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

  describe.concurrent("as on any other", () => {
    lockStoreSuite({ test: test.concurrent, createStore: async () => lockHarness(cluster, backend) });
  });

  test("redirects were followed, and every key is of this namespace, of locks or of the guard", async () => {
    assert.ok(backend.stats().redirects > 100, `${backend.stats().redirects} redirects`);
    const keys: string[] = [];
    for (const { host, port } of await cluster.primaries())
      keys.push(...((await cluster.command({ host, port }, "KEYS", "*")) as string[]));
    assert.ok(keys.length > 50);
    const { namespace } = backend.keys;
    assert.deepEqual(
      keys.filter((key) => !key.startsWith(`${namespace}:locks:{`)),
      [`${namespace}:fleet:{generations}:seen`],
    );
    assert.deepEqual(
      keys.filter((key) => key.startsWith(`${namespace}:locks:{`) && !/:(?:lock|register)$/.test(key)),
      [],
    );
  });
});
