import assert from "node:assert/strict";
import {
  all,
  ann,
  bob,
  brief,
  changes,
  kinds,
  long,
  newOperation,
  reserve,
  reserveOne,
  wish,
  type ReservationStoreCase,
} from "./reservation-store-fixture.js";

/** Releasing, forcing and expiring. */
export const endingCases: readonly ReservationStoreCase[] = [
  {
    name: "release ends what the session has, and nothing of others",
    run: async (setting) => {
      const { store, registry } = setting;
      const [mine] = await reserve(setting, { items: ["one"] });
      const others = await reserveOne(setting, "two", { owner: bob, session: "bob-1" });
      const items = [{ item: "one" }, { item: "two" }, { item: "three" }];
      assert.deepEqual(await store.release({ registry, items, session: "ann-1", operation: newOperation() }), [
        { status: "released", item: "one" },
        { status: "other", item: "two", holder: others },
        { status: "free", item: "three" },
      ]);
      assert.deepEqual(await all(setting), [others]);
      assert.deepEqual((await changes(setting)).at(-1), { kind: "released", item: "one", reservation: mine });
    },
  },
  {
    name: "release by a token ends only the reservation that has it",
    run: async (setting) => {
      const { store, registry } = setting;
      const first = await reserveOne(setting, "one");
      const release = (token: number): Promise<unknown> =>
        store.release({ registry, items: [{ item: "one", token }], session: "ann-1", operation: newOperation() });
      assert.deepEqual(await release(first.token), [{ status: "released", item: "one" }]);
      const second = await reserveOne(setting, "one");
      assert.deepEqual(await release(first.token), [{ status: "other", item: "one", holder: second }]);
      assert.deepEqual(await release(second.token), [{ status: "released", item: "one" }]);
      assert.deepEqual(await release(second.token), [{ status: "free", item: "one" }]);
    },
  },
  {
    name: "release recognises its resend, and spares what was reserved anew",
    run: async (setting) => {
      const { store, registry } = setting;
      await reserveOne(setting, "one");
      const params = { registry, items: [{ item: "one" }], session: "ann-1", operation: newOperation() };
      const released = await store.release(params);
      const anew = await reserveOne(setting, "one");
      assert.deepEqual(await store.release(params), released);
      assert.deepEqual(await all(setting), [anew]);
    },
  },
  {
    name: "releaseAll ends all of a session, or all of an owner",
    run: async (setting) => {
      const { store, registry } = setting;
      const release = (of: { session: string } | { owner: string }): Promise<unknown> =>
        store.releaseAll({ registry, of, operation: newOperation() });
      await reserve(setting, { items: ["one", "two"] });
      await reserve(setting, { items: ["three"], session: "ann-2" });
      await reserve(setting, { items: ["four"], owner: bob, session: "bob-1" });
      assert.deepEqual(await release({ session: "ann-1" }), { released: ["one", "two"] });
      assert.deepEqual(await release({ session: "ann-1" }), { released: [] });
      await reserve(setting, { items: ["one"] });
      assert.deepEqual(await release({ owner: "ann" }), { released: ["one", "three"] });
      assert.deepEqual(
        (await all(setting)).map(({ item }) => item),
        ["four"],
      );
      assert.deepEqual((await kinds(setting)).slice(-2), ["released one", "released three"]);
    },
  },
  {
    name: "releaseAll recognises its resend, and spares what was reserved anew",
    run: async (setting) => {
      const { store, registry } = setting;
      await reserveOne(setting, "one");
      const params = { registry, of: { session: "ann-1" }, operation: newOperation() };
      assert.deepEqual(await store.releaseAll(params), { released: ["one"] });
      const anew = await reserveOne(setting, "one");
      assert.deepEqual(await store.releaseAll(params), { released: ["one"] });
      assert.deepEqual(await all(setting), [anew]);
    },
  },
  {
    name: "forceRelease ends what anybody has, and tells by whom",
    run: async (setting) => {
      const { store, registry } = setting;
      const force = (item: string, expected?: number): ReturnType<typeof store.forceRelease> =>
        store.forceRelease({ registry, item, by: bob, reason: "lunch", expected, operation: newOperation() });
      const held = await reserveOne(setting, "one");
      assert.deepEqual(await force("one", held.token + 1), { status: "changed", holder: held });
      assert.deepEqual(await force("one", held.token), { status: "forced", previous: held });
      assert.deepEqual(await force("one"), { status: "free" });
      const last = { token: held.token, how: "forced", by: bob, reason: "lunch" };
      assert.deepEqual(await store.check({ registry, item: "one", token: held.token }), { status: "free", last });
      const change = { kind: "forced", item: "one", reservation: held, by: bob, reason: "lunch" };
      assert.deepEqual((await changes(setting)).at(-1), change);
    },
  },
  {
    name: "forceRelease recognises its resend, and spares the next one",
    run: async (setting) => {
      const { store, registry } = setting;
      const previous = await reserveOne(setting, "one");
      const params = { registry, item: "one", by: bob, operation: newOperation() };
      assert.deepEqual(await store.forceRelease(params), { status: "forced", previous });
      const next = await reserveOne(setting, "one");
      assert.deepEqual(await store.forceRelease(params), { status: "forced", previous });
      assert.deepEqual(await all(setting), [next]);
    },
  },
  {
    name: "heartbeat keeps all that a session has, and never shortens its lease",
    run: async (setting) => {
      const { store, registry } = setting;
      const [first] = await reserve(setting, { items: ["one", "two"], lease: 10_000 });
      const beat = await store.heartbeat({ registry, session: "ann-1", lease: long });
      assert.ok(beat.status === "held" && beat.until >= (first?.since ?? 0) + long, JSON.stringify(beat));
      const shorter = await store.heartbeat({ registry, session: "ann-1", lease: 1 });
      assert.ok(shorter.status === "held" && shorter.until >= beat.until);
      for (const { until } of await all(setting)) assert.ok(until >= beat.until);
      assert.deepEqual(await kinds(setting), ["reserved one", "reserved two"]);
    },
  },
  {
    name: "heartbeat of a session that has no lease is told so, and gives it none",
    run: async (setting) => {
      const { store, registry } = setting;
      assert.deepEqual(await store.heartbeat({ registry, session: "nobody", lease: long }), { status: "gone" });
      await reserveOne(setting, "one", { lease: brief });
      await setting.elapse(brief);
      assert.deepEqual(await store.heartbeat({ registry, session: "ann-1", lease: long }), { status: "gone" });
      assert.deepEqual(await all(setting), []);
    },
  },
  {
    name: "reap of what a lease kept logs each once, whoever calls",
    run: async (setting) => {
      const { store, registry, elapse } = setting;
      const [one] = await reserve(setting, { items: ["one", "two"], lease: brief });
      await reserveOne(setting, "three", { owner: bob, session: "bob-1" });
      await elapse(brief);
      assert.deepEqual(await store.get({ registry, items: ["one", "two"] }), []);
      const last = { token: one?.token, how: "expired" };
      assert.deepEqual(await store.check({ registry, item: "one", token: one?.token }), { status: "free", last });
      await Promise.all(Array.from({ length: 4 }, () => store.reap({ registry, limit: 100 })));
      assert.deepEqual((await kinds(setting)).toSorted(), [
        "expired one",
        "expired two",
        "reserved one",
        "reserved three",
        "reserved two",
      ]);
      assert.deepEqual(await store.check({ registry, item: "one", token: one?.token }), { status: "free", last });
      assert.deepEqual(
        (await all(setting)).map(({ item }) => item),
        ["three"],
      );
    },
  },
  {
    name: "reap ends no more than its limit, and says how many, and whether to go on",
    counts: true,
    run: async (setting) => {
      const { store, registry, elapse } = setting;
      await reserve(setting, { items: ["one", "two", "three"], lease: brief });
      await reserve(setting, { items: ["four"], session: "ann-2", cap: brief });
      await elapse(brief);
      const counts = [];
      for (let call = 0; call < 3; call += 1) counts.push(await store.reap({ registry, limit: 2 }));
      const full = { expired: 2, more: true };
      assert.deepEqual(counts, [full, full, { expired: 0, more: false }]);
    },
  },
  {
    name: "reap of what its cap ended leaves what else the session has",
    run: async (setting) => {
      const { store, registry, elapse } = setting;
      const capped = await reserveOne(setting, "one", { cap: brief });
      assert.equal(capped.until, capped.since + brief);
      await reserveOne(setting, "two");
      await elapse(brief);
      const beat = await store.heartbeat({ registry, session: "ann-1", lease: long });
      assert.equal(beat.status, "held");
      assert.equal((await store.check({ registry, item: "one", session: "ann-1" })).status, "free");
      await store.reap({ registry, limit: 100 });
      assert.deepEqual(await kinds(setting), ["reserved one", "reserved two", "expired one"]);
      assert.equal((await store.check({ registry, item: "two", session: "ann-1" })).status, "held");
    },
  },
  {
    name: "reserve of what has ended and is not reaped yet ends it first, and brings nothing back to life",
    run: async (setting) => {
      const { store, registry, elapse } = setting;
      const [one] = await reserve(setting, { items: ["one", "two"], lease: brief });
      const [capped] = await reserve(setting, { items: ["three"], session: "ann-3", cap: brief });
      await elapse(brief);
      const [again, others] = await reserve(setting, { items: ["one", "three"], owner: ann, session: "ann-1" });
      assert.ok((again?.token ?? 0) > (one?.token ?? 0) && (others?.token ?? 0) > (capped?.token ?? 0));
      assert.deepEqual(
        (await all(setting)).map(({ item }) => item),
        ["one", "three"],
      );
      assert.deepEqual((await kinds(setting)).slice(3).toSorted(), [
        "expired one",
        "expired three",
        "expired two",
        "reserved one",
        "reserved three",
      ]);
      await store.reap({ registry, limit: 100 });
      assert.equal((await kinds(setting)).length, 8);
    },
  },
  {
    name: "reserve does not count what has ended against the quota",
    run: async (setting) => {
      await reserve(setting, { items: ["one", "two"], lease: brief, quota: 2 });
      await setting.elapse(brief);
      await reserve(setting, { items: ["three", "four"], session: "ann-2", quota: 2 });
    },
  },
  {
    name: "release, forceRelease and releaseAll find nothing where it has ended",
    run: async (setting) => {
      const { store, registry, elapse } = setting;
      await reserveOne(setting, "one", { lease: brief });
      await elapse(brief);
      const operation = newOperation;
      const items = [{ item: "one" }];
      assert.deepEqual(await store.release({ registry, items, session: "ann-1", operation: operation() }), [
        { status: "free", item: "one" },
      ]);
      assert.deepEqual(await store.releaseAll({ registry, of: { owner: "ann" }, operation: operation() }), {
        released: [],
      });
      const forced = await store.forceRelease({ registry, item: "one", by: bob, operation: operation() });
      assert.deepEqual(forced, { status: "free" });
      assert.equal((await store.reserve(wish(setting, { session: "ann-2" }))).status, "done");
      assert.deepEqual((await kinds(setting)).toSorted(), ["expired one", "reserved one", "reserved one"]);
    },
  },
];
