import assert from "node:assert/strict";
import type { ReservationStore } from "../reservations/reservation-store.js";
import { reservationStoreCases } from "./reservation-store-cases.js";
import {
  all,
  ann,
  bob,
  brief,
  kinds,
  long,
  newOperation,
  reserve,
  reserveOne,
  theft,
  wish,
  withoutUntil,
  type ReservationStoreSetting,
} from "./reservation-store-fixture.js";

/** A fresh registry, and its end. */
export interface ReservationStoreHarness extends ReservationStoreSetting {
  readonly close: () => Promise<void>;
}

/** A harness whose storage can be filled. */
export interface FillableReservationStoreHarness extends ReservationStoreHarness {
  /** From now on the storage refuses what creates data. */
  readonly fill: () => Promise<void>;
  /** Ends that. */
  readonly drain: () => Promise<void>;
}

/** Where the suite registers its cases. */
export interface ReservationStoreSuiteOptions<Harness extends ReservationStoreHarness = ReservationStoreHarness> {
  readonly test: (name: string, run: () => Promise<void>) => void;
  readonly createStore: () => Promise<Harness>;
  /** What lies between the store and its storage delivers calls twice: the suite itself does not, nor counts what one does. */
  readonly resends?: boolean;
}

/**
 * The conformance suite of the port of reservations; unstable, it grows with the port.
 *
 * Each case runs as it is, with every reply lost once (each call is delivered twice and the second answer counts), and
 * with every change delivered again after each later call.
 */
export function reservationStoreSuite({ test, createStore, resends = false }: ReservationStoreSuiteOptions): void {
  const asItIs = { suffix: "", wrap: ({ store }: ReservationStoreSetting) => store, repeats: resends };
  const again = [
    { suffix: ", each reply lost once", wrap: deliverTwice, repeats: true },
    { suffix: ", each change delivered again late", wrap: deliverLate, repeats: true },
  ];
  const variants = resends ? [asItIs] : [asItIs, ...again];
  for (const { name, counts = false, run } of reservationStoreCases) {
    for (const { suffix, wrap, repeats } of variants) {
      if (counts && repeats) continue;
      test(`${name}${suffix}`, async () => {
        const harness = await createStore();
        try {
          const { registry, elapse, told } = harness;
          await run({ store: wrap(harness), registry, elapse, told });
        } finally {
          await harness.close();
        }
      });
    }
  }
}

/** What the port promises while its storage is full: reserving and stealing is refused, the rest works. */
export function fullReservationStoreSuite({
  test,
  createStore,
}: ReservationStoreSuiteOptions<FillableReservationStoreHarness>): void {
  const whenFull = (name: string, run: (harness: FillableReservationStoreHarness) => Promise<void>): void =>
    test(name, async () => {
      const harness = await createStore();
      try {
        await run(harness);
      } finally {
        await harness.drain();
        await harness.close();
      }
    });
  whenFull("reserve and steal are refused at full memory, and change nothing", refusedWhenFull);
  whenFull("all that ends or keeps reservations works at full memory", endedWhenFull);
}

async function refusedWhenFull(harness: FillableReservationStoreHarness): Promise<void> {
  const { store } = harness;
  const isFull = { code: "ERR_FLEET_STORAGE_FULL", status: 503 };
  const params = wish(harness, { items: ["one", "two"] });
  assert.equal((await store.reserve(params)).status, "done");
  const before = withoutUntil(await all(harness));
  await harness.fill();
  const more = wish(harness, { items: ["three"], session: "ann-2" });
  const stealing = theft(harness, "one");
  await assert.rejects(store.reserve(more), isFull);
  await assert.rejects(store.steal(stealing), isFull);
  assert.deepEqual(withoutUntil(await all(harness)), before);
  assert.deepEqual(await kinds(harness), ["reserved one", "reserved two"]);
  // A resend of what was done before the storage filled creates nothing, and is not refused.
  assert.equal((await store.reserve(params)).status, "done");
  await harness.drain();
  assert.equal((await store.reserve(more)).status, "done", "a refused operation was not done, and may come again");
  assert.equal((await store.steal(stealing)).status, "stolen");
}

async function endedWhenFull(harness: FillableReservationStoreHarness): Promise<void> {
  const { store, registry } = harness;
  const operation = newOperation;
  await reserve(harness, { items: ["one", "two", "three", "four"] });
  await reserveOne(harness, "five", { session: "brief", cap: brief });
  await harness.elapse(brief);
  await harness.fill();
  assert.equal((await store.heartbeat({ registry, session: "ann-1", lease: long })).status, "held");
  const one = [{ item: "one" }];
  const released = await store.release({ registry, items: one, session: "ann-1", operation: operation() });
  assert.deepEqual(released, [{ status: "released", item: "one" }]);
  const forced = await store.forceRelease({ registry, item: "two", by: bob, operation: operation() });
  assert.equal(forced.status, "forced");
  const move = { registry, from: "ann-1", to: "ann-2", lease: long, operation: operation() };
  assert.deepEqual(await store.moveSession(move), { moved: 2 });
  assert.equal((await store.check({ registry, item: "three", session: "ann-2" })).status, "held");
  const ended = await store.releaseAll({ registry, of: { owner: ann.id }, operation: operation() });
  assert.deepEqual(ended, { released: ["four", "three"] });
  assert.deepEqual(await store.reap({ registry, limit: 100 }), { expired: 1, more: false });
  assert.deepEqual(await all(harness), []);
  const told = ["released one", "forced two", "moved four", "moved three", "released four", "released three"];
  assert.deepEqual((await kinds(harness)).slice(5), [...told, "expired five"]);
}

/** Every call reaches the store twice, and only the second answer comes back; what `reap` did is both. */
function deliverTwice({ store }: ReservationStoreSetting): ReservationStore {
  const twice =
    <Params, Result>(call: (params: Params) => Promise<Result>) =>
    async (params: Params): Promise<Result> => {
      await call(params);
      return call(params);
    };
  return {
    reserve: twice((params) => store.reserve(params)),
    release: twice((params) => store.release(params)),
    releaseAll: twice((params) => store.releaseAll(params)),
    heartbeat: twice((params) => store.heartbeat(params)),
    check: twice((params) => store.check(params)),
    get: twice((params) => store.get(params)),
    list: twice((params) => store.list(params)),
    steal: twice((params) => store.steal(params)),
    forceRelease: twice((params) => store.forceRelease(params)),
    moveSession: twice((params) => store.moveSession(params)),
    reap: twice((params) => store.reap(params)),
  };
}

/** After every call all earlier changes are delivered again, and must change nothing and tell nothing. */
function deliverLate(setting: ReservationStoreSetting): ReservationStore {
  const { store } = setting;
  const earlier: (() => Promise<unknown>)[] = [];
  const told = async (): Promise<number> => (await setting.told()).length;
  const redeliver = async (): Promise<void> => {
    for (const call of earlier) {
      const [before, count] = [withoutUntil(await all(setting)), await told()];
      const answer = JSON.stringify(await call());
      assert.equal(await told(), count, `a late call told something: ${answer}`);
      // What was there may have ended meanwhile by itself.
      for (const held of withoutUntil(await all(setting)))
        assert.deepEqual(
          [held],
          before.filter(({ token }) => token === held.token),
          `a late call had an effect: ${answer}`,
        );
    }
  };
  const late =
    <Params, Result>(call: (params: Params) => Promise<Result>) =>
    async (params: Params): Promise<Result> => {
      const result = await call(params);
      await redeliver();
      earlier.push(() => call(params));
      return result;
    };
  return {
    heartbeat: (params) => store.heartbeat(params),
    reap: (params) => store.reap(params),
    check: (params) => store.check(params),
    get: (params) => store.get(params),
    list: (params) => store.list(params),
    reserve: late((params) => store.reserve(params)),
    release: late((params) => store.release(params)),
    releaseAll: late((params) => store.releaseAll(params)),
    steal: late((params) => store.steal(params)),
    forceRelease: late((params) => store.forceRelease(params)),
    moveSession: late((params) => store.moveSession(params)),
  };
}
