import { expect, onTestFinished, test } from "vitest";
import type { MemoryBackend } from "../../../src/backend/backend.js";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { MemoryReservationStore } from "../../../src/reservations/memory-reservation-store.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import {
  all,
  newOperation,
  reserveOne,
  wish,
  type ReservationStoreSetting,
} from "../../../src/testing/reservation-store-fixture.js";

const clock = new FakeClock();

function open(limit = 1_000_000, name?: string): { backend: MemoryBackend; setting: ReservationStoreSetting } {
  const named = name === undefined ? {} : { name };
  const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock, limit, ...named });
  onTestFinished(() => backend.close());
  const setting: ReservationStoreSetting = {
    store: new MemoryReservationStore(backend),
    registry: "documents",
    elapse: async (milliseconds) => clock.advance(milliseconds),
    told: async () => [],
  };
  return { backend, setting };
}

async function fill(setting: ReservationStoreSetting): Promise<number> {
  for (let count = 0; ; count += 1) {
    const params = wish(setting, { items: [`item-${count}`], details: "x".repeat(1000) });
    const error = await setting.store.reserve(params).then(
      () => undefined,
      (reason: unknown) => reason as { code: string },
    );
    if (error === undefined) continue;
    expect(error.code).toBe("ERR_FLEET_STORAGE_FULL");
    return count;
  }
}

test("what was released, or was reaped, gives its room back", async () => {
  const { setting } = open();
  const { store, registry } = setting;
  expect(await fill(setting)).toBeGreaterThan(50);
  await store.releaseAll({ registry, of: { owner: "ann" }, operation: newOperation() });
  expect(await fill(setting)).toBeGreaterThan(10);
  await setting.elapse(60_000);
  await store.reap({ registry, limit: 1000 });
  await reserveOne(setting, "one");
});

test("an operation is known for ten seconds, and how one ended for ten minutes", async () => {
  const { setting } = open();
  const { store, registry } = setting;
  const params = wish(setting, { lease: 900_000 });
  const first = await store.reserve(params);
  const [held] = await all(setting);
  await store.releaseAll({ registry, of: { session: "ann-1" }, operation: newOperation() });
  const check = (): Promise<unknown> => store.check({ registry, item: "one", token: held?.token });
  await setting.elapse(9_999);
  await store.reap({ registry, limit: 1 });
  expect(await store.reserve(params)).toEqual(first);
  expect(await all(setting)).toEqual([]);
  await setting.elapse(589_000);
  await store.reap({ registry, limit: 1 });
  expect(await check()).toEqual({ status: "free", last: { token: held?.token, how: "released" } });
  await setting.elapse(2_000);
  await store.reap({ registry, limit: 1 });
  expect(await check()).toEqual({ status: "free" });
  await store.reserve(params);
  expect(await all(setting)).toHaveLength(1);
});

test("fleets on one named backend share it, and it is closed with each", async () => {
  const [one, other] = [open(1_000_000, "shared"), open(1_000_000, "shared")];
  const held = await reserveOne(one.setting, "one");
  expect(await all(other.setting)).toEqual([held]);
  await one.backend.close();
  await expect(all(one.setting)).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
  expect(await all(other.setting)).toEqual([held]);
});
