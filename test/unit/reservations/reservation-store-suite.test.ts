import { expect, test } from "vitest";
import { MemoryReservationStore } from "../../../src/reservations/memory-reservation-store.js";
import type { ReservationStore } from "../../../src/reservations/reservation-store.js";
import { reservationStoreCases } from "../../../src/testing/reservation-store-cases.js";
import { newOperation } from "../../../src/testing/reservation-store-fixture.js";
import { reservationStoreSuite } from "../../../src/testing/reservation-store-suite.js";
import { memoryReservationHarness } from "../../conformance/reservation-harness.js";

/** Runs the whole suite on a store that is broken in one way; returns the cases that failed. */
async function failuresOf(damage: (store: ReservationStore) => Partial<ReservationStore>): Promise<string[]> {
  const cases: { name: string; run: () => Promise<void> }[] = [];
  reservationStoreSuite({
    test: (name, run) => void cases.push({ name, run }),
    createStore: async () => {
      const harness = await memoryReservationHarness();
      return { ...harness, store: { ...methodsOf(harness.store), ...damage(harness.store) } };
    },
  });
  const failed: string[] = [];
  for (const { name, run } of cases) await run().catch(() => failed.push(name));
  return failed;
}

function methodsOf(store: ReservationStore): ReservationStore {
  return {
    reserve: (params) => store.reserve(params),
    release: (params) => store.release(params),
    releaseAll: (params) => store.releaseAll(params),
    heartbeat: (params) => store.heartbeat(params),
    check: (params) => store.check(params),
    get: (params) => store.get(params),
    list: (params) => store.list(params),
    steal: (params) => store.steal(params),
    forceRelease: (params) => store.forceRelease(params),
    moveSession: (params) => store.moveSession(params),
    reap: (params) => store.reap(params),
  };
}

test("every method of the port is what some case is about, and no two cases have one name", () => {
  const methods = Object.getOwnPropertyNames(MemoryReservationStore.prototype).filter((name) => name !== "constructor");
  const names = reservationStoreCases.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(methods).toHaveLength(11);
  for (const method of methods)
    expect(names.filter((name) => name.startsWith(`${method} `)).length, method).toBeGreaterThanOrEqual(1);
});

test("an adapter without faults passes", async () => {
  expect(await failuresOf(methodsOf)).toEqual([]);
});

test("an adapter that knows no resends is found out, of each method", async () => {
  const changes = {
    reserve: (store) => ({ reserve: (params) => store.reserve({ ...params, operation: newOperation() }) }),
    release: (store) => ({ release: (params) => store.release({ ...params, operation: newOperation() }) }),
    releaseAll: (store) => ({ releaseAll: (params) => store.releaseAll({ ...params, operation: newOperation() }) }),
    steal: (store) => ({ steal: (params) => store.steal({ ...params, operation: newOperation() }) }),
    forceRelease: (store) => ({
      forceRelease: (params) => store.forceRelease({ ...params, operation: newOperation() }),
    }),
    moveSession: (store) => ({ moveSession: (params) => store.moveSession({ ...params, operation: newOperation() }) }),
  } satisfies Record<string, (store: ReservationStore) => Partial<ReservationStore>>;
  for (const [method, damage] of Object.entries(changes)) {
    const failed = await failuresOf(damage);
    expect(
      failed.filter((name) => name.startsWith(`${method} `) && name.includes("recognises its resend")),
      method,
    ).not.toEqual([]);
    expect(
      failed.some((name) => name.endsWith("delivered again late")),
      method,
    ).toBe(true);
  }
});

test("an adapter whose heartbeat revives what has ended is found out", async () => {
  const failed = await failuresOf((store) => ({
    heartbeat: async (params) => {
      const beat = await store.heartbeat(params);
      return beat.status === "held" ? beat : { status: "held", until: 1 };
    },
  }));
  expect(failed).toContain("heartbeat of a session that has no lease is told so, and gives it none");
});

test("an adapter that ignores the quota, or the token, is found out", async () => {
  expect(await failuresOf((store) => ({ reserve: (params) => store.reserve({ ...params, quota: 0 }) }))).toContain(
    "reserve refuses more than the quota of an owner, in all sessions together",
  );
  const failed = await failuresOf((store) => ({
    release: (params) => store.release({ ...params, items: params.items.map(({ item }) => ({ item })) }),
    check: (params) => store.check({ ...params, token: undefined }),
    steal: (params) => store.steal({ ...params, expected: undefined }),
    forceRelease: (params) => store.forceRelease({ ...params, expected: undefined }),
  }));
  expect(failed).toEqual(
    expect.arrayContaining([
      "release by a token ends only the reservation that has it",
      "check says who has an item, by session and by token",
      "steal takes nothing that is free, and nothing from another holder than the expected one",
      "forceRelease ends what anybody has, and tells by whom",
    ]),
  );
});
