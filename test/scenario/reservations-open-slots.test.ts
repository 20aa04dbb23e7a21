import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { all, kinds, long, reserveOne, wish, withoutUntil } from "../../src/testing/reservation-store-fixture.js";
import { reservationStoreSuite } from "../../src/testing/reservation-store-suite.js";
import { noFilling } from "../conformance/feed-harness.js";
import { openBackend } from "../conformance/redis-session-harness.js";
import { redisReservationHarness } from "../conformance/reservation-harness.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { startCluster } from "../support/servers/cluster.js";
import { openBackendUntilClosed } from "../unit/backend/open-backend.js";

describe("reservations on a cluster whose slots move", () => {
  let cluster: ClusterTopology;
  let backend: RedisBackend;

  beforeAll(async () => {
    cluster = await startCluster();
    backend = await openBackend(cluster.config, cluster.config.nodes.slice(0, 1));
  });

  afterAll(async () => {
    await backend?.close();
    await cluster?.stop();
  });

  test("with a registry half moved, a call is refused or done, and nothing in between", async () => {
    const impatient = openBackendUntilClosed({ ...cluster.config, timeouts: { command: 700 } });
    const harness = await redisReservationHarness(impatient, noFilling);
    try {
      const { store, registry } = harness;
      const reservation = await reserveOne(harness, "one");
      const slot = await cluster.slotOf(`{${registry}}`);
      const owner = await cluster.primaryOf(slot);
      const target = (await cluster.primaries()).find(({ id }) => id !== owner.id);
      assert.ok(target !== undefined);
      await cluster.setSlotMigrating(slot, target);
      await cluster.moveKeys(slot, target, 2);
      const release = { registry, items: [{ item: "one" }], session: "ann-1", operation: "release" };
      // On a busy machine the deadline may pass while one more try is on its way.
      const refused = ({ code }: { code?: string }): boolean =>
        code === "ERR_FLEET_UNAVAILABLE" || code === "ERR_FLEET_TIMEOUT";
      await assert.rejects(store.reserve(wish(harness, { items: ["two"] })), refused);
      await assert.rejects(store.release(release), refused);
      assert.equal((await store.heartbeat({ registry, session: "ann-1", lease: long })).status, "held");
      await cluster.moveSlot(slot, target);
      assert.deepEqual(withoutUntil(await all(harness)), withoutUntil([reservation]));
      assert.deepEqual(await kinds(harness), ["reserved one"]);
      assert.deepEqual(await store.release(release), [{ status: "released", item: "one" }]);
    } finally {
      await impatient.close();
    }
  });

  /** What is there is served by its owner, what is not by the next primary (ASK). */
  describe("with every slot left open", () => {
    beforeAll(() => cluster.openAllSlots());

    reservationStoreSuite({ test, createStore: () => redisReservationHarness(backend, noFilling) });

    test("redirects were followed, and every key is of this room", async () => {
      assert.ok(backend.stats().redirects > 100, `${backend.stats().redirects} redirects`);
      const keys: string[] = [];
      for (const { host, port } of await cluster.primaries())
        keys.push(...((await cluster.command({ host, port }, "KEYS", `${backend.keys.namespace}:*`)) as string[]));
      assert.ok(keys.length > 100);
      assert.deepEqual(
        keys.filter((key) => !key.startsWith(`${backend.keys.namespace}:reservations:{`)),
        [],
      );
    });
  });
});
