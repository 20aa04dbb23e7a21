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
  theft,
  withoutUntil,
  type ReservationStoreCase,
} from "./reservation-store-fixture.js";

/** Stealing, and moving to another session. */
export const takingCases: readonly ReservationStoreCase[] = [
  {
    name: "steal takes an item from whoever has it, with a higher token, and tells from whom",
    run: async (setting) => {
      const { store, registry } = setting;
      const held = await reserveOne(setting, "one");
      const stolen = await store.steal(theft(setting, "one", { reason: "urgent", client: "tab 9" }));
      assert.ok(stolen.status === "stolen");
      const { reservation, previous } = stolen;
      assert.deepEqual(previous, held);
      assert.ok(reservation.token > held.token);
      const { since: _, until: __, token: ___, ...rest } = reservation;
      assert.deepEqual(rest, {
        item: "one",
        owner: bob,
        session: "bob-1",
        instance: "instance-1",
        client: "tab 9",
        reason: "urgent",
      });
      assert.deepEqual(await all(setting), [reservation]);
      const change = { kind: "stolen", item: "one", reservation, previous, by: bob, reason: "urgent" };
      assert.deepEqual((await changes(setting)).at(-1), change);
      const last = { token: held.token, how: "stolen", by: bob, reason: "urgent" };
      assert.deepEqual(await store.check({ registry, item: "one", token: held.token, session: "ann-1" }), {
        status: "other",
        holder: reservation,
        last,
      });
    },
  },
  {
    name: "steal takes nothing that is free, and nothing from another holder than the expected one",
    run: async (setting) => {
      const { store } = setting;
      assert.deepEqual(await store.steal(theft(setting, "one")), { status: "free" });
      const holder = await reserveOne(setting, "one");
      const wrong = await store.steal(theft(setting, "one", { expected: holder.token - 1 }));
      assert.deepEqual(wrong, { status: "changed", holder });
      assert.deepEqual(await all(setting), [holder]);
      const right = await store.steal(theft(setting, "one", { expected: holder.token }));
      assert.equal(right.status, "stolen");
    },
  },
  {
    name: "steal recognises its resend, also after it was stolen back",
    run: async (setting) => {
      const { store } = setting;
      await reserveOne(setting, "one");
      const params = theft(setting, "one");
      const first = await store.steal(params);
      assert.deepEqual(await store.steal(params), first);
      const back = await store.steal(theft(setting, "one", { owner: ann, session: "ann-1" }));
      assert.ok(back.status === "stolen");
      assert.deepEqual(await store.steal(params), first);
      assert.deepEqual(await all(setting), [back.reservation]);
      assert.deepEqual(await kinds(setting), ["reserved one", "stolen one", "stolen one"]);
    },
  },
  {
    name: "steal by many at once with one expected token lets one have it",
    run: async (setting) => {
      const { store } = setting;
      const { token } = await reserveOne(setting, "one");
      const sessions = Array.from({ length: 8 }, (_, number) => `bob-${number}`);
      const results = await Promise.all(
        sessions.map((session) => store.steal(theft(setting, "one", { session, expected: token }))),
      );
      assert.equal(results.filter(({ status }) => status === "stolen").length, 1);
      assert.equal(results.filter(({ status }) => status === "changed").length, 7);
    },
  },
  {
    name: "steal brings nothing of a session back to life whose lease ran out",
    run: async (setting) => {
      const { store, registry, elapse } = setting;
      await reserveOne(setting, "one");
      await reserveOne(setting, "two", { owner: bob, session: "bob-1", lease: brief });
      await elapse(brief);
      assert.equal((await store.steal(theft(setting, "one"))).status, "stolen");
      assert.deepEqual(
        (await all(setting)).map(({ item, session }) => [item, session]),
        [["one", "bob-1"]],
      );
      await store.reap({ registry, limit: 100 });
      assert.deepEqual(await kinds(setting), ["reserved one", "reserved two", "expired two", "stolen one"]);
    },
  },
  {
    name: "moveSession gives all to the session that follows, with the tokens, and tells each",
    run: async (setting) => {
      const { store, registry } = setting;
      const held = await reserve(setting, { items: ["one", "two"], cap: long * 2 });
      await reserveOne(setting, "three", { session: "ann-9" });
      const params = { registry, from: "ann-1", to: "ann-9", lease: long, operation: newOperation() };
      assert.deepEqual(await store.moveSession(params), { moved: 2 });
      const moved = held.map((reservation) => ({ ...reservation, session: "ann-9" }));
      const now = await store.get({ registry, items: ["one", "two"] });
      assert.deepEqual(withoutUntil(now), withoutUntil(moved));
      const told = (await changes(setting)).slice(-2);
      assert.deepEqual(
        told.map(({ kind, reservation }) => [kind, reservation]),
        now.map((reservation) => ["moved", reservation]),
      );
      assert.deepEqual(await store.heartbeat({ registry, session: "ann-1", lease: long }), { status: "gone" });
      assert.equal((await store.heartbeat({ registry, session: "ann-9", lease: long })).status, "held");
      assert.deepEqual((await store.list({ registry, of: { session: "ann-1" }, count: 10 })).reservations, []);
      assert.equal((await store.list({ registry, of: { session: "ann-9" }, count: 10 })).reservations.length, 3);
      assert.equal((await store.list({ registry, of: { owner: "ann" }, count: 10 })).reservations.length, 3);
      const { released } = await store.releaseAll({ registry, of: { session: "ann-9" }, operation: newOperation() });
      assert.deepEqual(released, ["one", "three", "two"]);
    },
  },
  {
    name: "moveSession recognises its resend after more was reserved by the former session",
    run: async (setting) => {
      const { store, registry } = setting;
      await reserveOne(setting, "one");
      const params = { registry, from: "ann-1", to: "ann-2", lease: long, operation: newOperation() };
      assert.deepEqual(await store.moveSession(params), { moved: 1 });
      await reserveOne(setting, "two");
      assert.deepEqual(await store.moveSession(params), { moved: 1 });
      const sessions = (await all(setting)).map(({ item, session }) => [item, session]);
      assert.deepEqual(sessions, [
        ["one", "ann-2"],
        ["two", "ann-1"],
      ]);
    },
  },
  {
    name: "moveSession moves nothing that has ended, and brings nothing back to life",
    run: async (setting) => {
      const { store, registry, elapse } = setting;
      await reserveOne(setting, "one", { lease: brief });
      await reserveOne(setting, "two", { session: "ann-2", lease: brief });
      await reserve(setting, { items: ["three"], session: "ann-3" });
      await reserve(setting, { items: ["four"], session: "ann-3", cap: brief });
      await elapse(brief);
      const move = (from: string, to: string): Promise<unknown> =>
        store.moveSession({ registry, from, to, lease: long, operation: newOperation() });
      assert.deepEqual(await move("ann-1", "ann-9"), { moved: 0 });
      assert.deepEqual(await move("nobody", "ann-9"), { moved: 0 });
      assert.deepEqual(await store.heartbeat({ registry, session: "ann-9", lease: long }), { status: "gone" });
      assert.deepEqual(await move("ann-3", "ann-2"), { moved: 1 });
      assert.deepEqual(
        (await all(setting)).map(({ item, session }) => [item, session]),
        [["three", "ann-2"]],
      );
      await store.reap({ registry, limit: 100 });
      const expired = (await kinds(setting)).filter((each) => each.startsWith("expired"));
      assert.deepEqual(expired.toSorted(), ["expired four", "expired one", "expired two"]);
    },
  },
];
