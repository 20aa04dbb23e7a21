import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import {
  all,
  bob,
  brief,
  kinds,
  newOperation,
  reserve,
  reserveOne,
  theft,
} from "../../src/testing/reservation-store-fixture.js";
import { fullReservationStoreSuite, reservationStoreSuite } from "../../src/testing/reservation-store-suite.js";
import { startTopology, type Topology } from "../support/servers/topology.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { noFilling, serverFilling } from "./feed-harness.js";
import { openBackendUntilClosed } from "../unit/backend/open-backend.js";
import { openBackend } from "./redis-session-harness.js";
import {
  loseRegistry,
  memoryReservationHarness,
  plantAnswers,
  plantReservation,
  redisReservationHarness,
} from "./reservation-harness.js";
import { haveAccessLists, restrictedUser } from "./restricted-user.js";

const hasAccessLists = await haveAccessLists();
const kind = process.env["TEST_TOPOLOGY"] ?? "memory";

const damaged = [
  "",
  "garbage",
  "null",
  '{"token":1}',
  "1 0 1 ann ann-1",
  '1 0 x ann ann-1\0"owner":{"id":"ann"}}',
  "1 0 1 ann ann-1\0",
  '1 0 1 ann ann-1\0"owner":{"id":"an',
];

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
    reservationStoreSuite({ test: test.concurrent, createStore: () => redisReservationHarness(backend, noFilling) });

    for (const text of damaged) {
      test(`a stored ${JSON.stringify(text)} counts as no reservation`, async () => {
        const harness = await redisReservationHarness(backend, noFilling);
        const { store, registry } = harness;
        const first = await reserveOne(harness, "one");
        await plantReservation(backend, registry, "one", text);
        const operation = newOperation;
        assert.deepEqual(await all(harness), []);
        assert.deepEqual(await store.get({ registry, items: ["one"] }), []);
        assert.deepEqual(await store.check({ registry, item: "one", token: first.token }), { status: "free" });
        assert.deepEqual(
          await store.release({ registry, items: [{ item: "one" }], session: "ann-1", operation: operation() }),
          [{ status: "free", item: "one" }],
        );
        const forced = await store.forceRelease({ registry, item: "one", by: bob, operation: operation() });
        assert.deepEqual(forced, { status: "free" });
        assert.deepEqual(await store.steal(theft(harness, "one")), { status: "free" });
        const next = await reserveOne(harness, "one", { owner: bob, session: "bob-1" });
        assert.ok(next.token > first.token);
        assert.deepEqual(await all(harness), [next]);
        assert.deepEqual((await store.list({ registry, of: { session: "ann-1" }, count: 9 })).reservations, []);
        assert.deepEqual(await kinds(harness), ["reserved one", "reserved one"]);
      });
    }

    test("tokens rise, and all works, after the server lost everything", async () => {
      const harness = await redisReservationHarness(backend, noFilling);
      const { store, registry } = harness;
      const [lost] = await reserve(harness, { items: ["one", "two"] });
      await loseRegistry(backend, registry);
      assert.deepEqual(await store.check({ registry, item: "one", token: lost?.token }), { status: "free" });
      const release = { registry, items: [{ item: "one" }], session: "ann-1", operation: newOperation() };
      assert.deepEqual(await store.release(release), [{ status: "free", item: "one" }]);
      const next = await reserveOne(harness, "one");
      assert.ok(next.token > (lost?.token ?? 0));
      assert.deepEqual(await all(harness), [next]);
    });

    test("reap says to go on while more is to be forgotten than it takes at once, and what ended waits behind", async () => {
      const harness = await redisReservationHarness(backend, noFilling);
      const { store, registry, elapse } = harness;
      await reserve(harness, { items: ["one"], lease: brief });
      await plantAnswers(backend, registry, 1_500);
      await elapse(brief);
      assert.deepEqual(await store.reap({ registry, limit: 100 }), { expired: 0, more: true });
      assert.deepEqual(await store.reap({ registry, limit: 100 }), { expired: 1, more: false });
    });

    test("a stored value that only Redis can read is corrupt", async () => {
      const harness = await redisReservationHarness(backend, noFilling);
      const { store, registry } = harness;
      await reserveOne(harness, "one");
      await plantReservation(backend, registry, "one", `1 0 1 ann ann-1\0"owner":{"id":"ann"},"details":nan}`);
      await assert.rejects(store.get({ registry, items: ["one"] }), { code: "ERR_FLEET_CORRUPT_DATA" });
    });
  });

  if (hasAccessLists) {
    describe("as a user with the access that the docs grant it", () => {
      const { config } = topologyForTest();
      const namespace = `reservations-${process.pid}-${randomBytes(3).toString("hex")}`;
      const user = restrictedUser(topologyForTest(), namespace);
      let backend: RedisBackend;
      beforeAll(async () => {
        backend = openBackendUntilClosed({ ...config, ...user, namespace });
        await backend.ready();
      });
      afterAll(() => backend?.close());
      reservationStoreSuite({ test, createStore: () => redisReservationHarness(backend, noFilling), resends: true });
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
    fullReservationStoreSuite({ test, createStore: () => redisReservationHarness(backend, serverFilling(topology)) });
  });
}
