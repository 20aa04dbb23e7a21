import assert from "node:assert/strict";
import {
  all,
  ann,
  bob,
  changes,
  kinds,
  long,
  newOperation,
  reserve,
  reserveOne,
  wish,
  withoutUntil,
  type ReservationStoreCase,
} from "./reservation-store-fixture.js";

/** Reserving. */
export const reservingCases: readonly ReservationStoreCase[] = [
  {
    name: "reserve gives what is free, keeps all that it was told, and tells it",
    run: async (setting) => {
      const { store, registry } = setting;
      const details = JSON.stringify({ text: 'ü|"\\\n\t\u0000\u2028{}%s', many: [1, 2.5], empty: {} });
      const texts = { client: "tab 1", reason: 'because "of" 🦊\n', details };
      const reservation = await reserveOne(setting, "one", texts);
      const { since, until, token, ...rest } = reservation;
      assert.deepEqual(rest, { item: "one", owner: ann, session: "ann-1", instance: "instance-1", ...texts });
      assert.ok(Number.isSafeInteger(since) && since > 1e12, `${since}`);
      assert.equal(until, since + long);
      assert.ok(Number.isSafeInteger(token) && token > 1e15, `${token}`);
      assert.deepEqual(await store.get({ registry, items: ["one"] }), [reservation]);
      assert.deepEqual(await changes(setting), [{ kind: "reserved", item: "one", reservation }]);
    },
  },
  {
    name: "reserve keeps items apart whatever characters they have",
    run: async (setting) => {
      const { store, registry } = setting;
      const items = [
        "a",
        "a|b",
        "a\nb",
        'a"b',
        "a b",
        "ä",
        "🦊",
        "\uffff",
        "a:b",
        "{a}",
        "%00",
        "\u0001",
        "x".repeat(256),
      ];
      await reserve(setting, { items });
      assert.deepEqual(
        (await store.get({ registry, items })).map(({ item }) => item),
        items,
      );
      const result = await store.reserve(wish(setting, { items, owner: bob, session: "bob-1" }));
      assert.ok(result.status === "busy");
      assert.deepEqual(
        result.holders.map(({ item }) => item),
        items,
      );
      assert.deepEqual(
        (await store.releaseAll({ registry, of: { owner: "ann" }, operation: newOperation() })).released,
        items.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
      );
    },
  },
  {
    name: "reserve keeps owners and sessions apart whatever characters they have",
    run: async (setting) => {
      const { store, registry } = setting;
      const names = ["a", "a b", "a|b", "a\nb", "ö", "a%20b", "x".repeat(300), `${"x".repeat(300)}y`];
      for (const name of names)
        await reserveOne(setting, `of ${name}`, {
          owner: { id: name, name },
          session: name,
          operation: newOperation(),
        });
      for (const name of names) {
        const ofOwner = await store.list({ registry, of: { owner: name }, count: 10 });
        const ofSession = await store.list({ registry, of: { session: name }, count: 10 });
        assert.deepEqual(
          ofOwner.reservations.map(({ item, owner, session }) => [item, owner.id, owner.name, session]),
          [[`of ${name}`, name, name, name]],
        );
        assert.deepEqual(ofSession, ofOwner);
      }
    },
  },
  {
    name: "reserve refreshes what the session has, and keeps its token",
    run: async (setting) => {
      const { store } = setting;
      const first = await reserveOne(setting, "one", { reason: "first", lease: 1000 });
      const again = await store.reserve(wish(setting, { reason: "again" }));
      assert.ok(again.status === "done");
      const [outcome] = again.outcomes;
      assert.ok(outcome?.status === "refreshed");
      assert.deepEqual(withoutUntil([outcome.reservation]), withoutUntil([first]));
      assert.ok(outcome.reservation.until >= first.since + long, "the call counts as a heartbeat");
      assert.deepEqual(await kinds(setting), ["reserved one"]);
    },
  },
  {
    name: "reserve of all takes none where one is busy",
    run: async (setting) => {
      const { store } = setting;
      const held = await reserveOne(setting, "two");
      const refused = await store.reserve(
        wish(setting, { items: ["one", "two", "three"], owner: bob, session: "bob-1" }),
      );
      assert.deepEqual(refused, { status: "busy", holders: [held] });
      assert.deepEqual(await all(setting), [held]);
    },
  },
  {
    name: "reserve of each takes what is free",
    run: async (setting) => {
      const { store } = setting;
      const held = await reserveOne(setting, "two");
      const own = await reserveOne(setting, "three", { owner: bob, session: "bob-1" });
      const taken = await store.reserve(
        wish(setting, { items: ["one", "two", "three"], owner: bob, session: "bob-1", mode: "each" }),
      );
      assert.ok(taken.status === "done");
      const [one, two, three] = taken.outcomes;
      assert.ok(one?.status === "reserved" && one.reservation.item === "one");
      assert.deepEqual(two, { status: "busy", item: "two", holder: held });
      assert.ok(three?.status === "refreshed" && three.reservation.token === own.token);
      assert.deepEqual(await kinds(setting), ["reserved two", "reserved three", "reserved one"]);
    },
  },
  {
    name: "reserve takes an item that is named twice for one",
    run: async (setting) => {
      const [first, ...others] = await reserve(setting, { items: ["one", "one"] });
      assert.deepEqual(others, []);
      assert.deepEqual(await all(setting), [first]);
    },
  },
  {
    name: "reserve by many at once lets one have each item",
    run: async (setting) => {
      const { store } = setting;
      const sessions = Array.from({ length: 12 }, (_, number) => `session-${number}`);
      const results = await Promise.all(
        sessions.map((session) =>
          store.reserve(wish(setting, { items: ["one", "two"], session, owner: { id: session } })),
        ),
      );
      const winners = results.filter(({ status }) => status === "done");
      assert.equal(winners.length, 1);
      const holders = (await all(setting)).map(({ session }) => session);
      assert.equal(holders.length, 2);
      assert.equal(holders[0], holders[1]);
      assert.deepEqual(await kinds(setting), ["reserved one", "reserved two"]);
    },
  },
  {
    name: "reserve refuses the same owner's other session as anybody's",
    run: async (setting) => {
      const { store } = setting;
      const held = await reserveOne(setting, "one");
      assert.deepEqual(await store.reserve(wish(setting, { session: "ann-2" })), { status: "busy", holders: [held] });
    },
  },
  {
    name: "reserve takes over what the same owner has in another session, with a new token, and tells from whom",
    run: async (setting) => {
      const { store, registry } = setting;
      const held = await reserveOne(setting, "one");
      const other = await reserveOne(setting, "two", { owner: bob, session: "bob-1" });
      const takeOver = { session: "ann-2", sameOwner: "take-over", reason: "moved desks" } as const;
      const taken = await reserveOne(setting, "one", takeOver);
      assert.ok(taken.token > held.token);
      assert.equal(taken.session, "ann-2");
      assert.deepEqual(await store.reserve(wish(setting, { ...takeOver, items: ["two"] })), {
        status: "busy",
        holders: [other],
      });
      const last = { token: held.token, how: "stolen", by: ann, reason: "moved desks" };
      assert.deepEqual(await store.check({ registry, item: "one", session: "ann-1", token: held.token }), {
        status: "other",
        holder: taken,
        last,
      });
      assert.deepEqual((await changes(setting)).at(-1), {
        kind: "stolen",
        item: "one",
        reservation: taken,
        previous: held,
        by: ann,
        reason: "moved desks",
      });
      assert.deepEqual((await store.list({ registry, of: { session: "ann-1" }, count: 10 })).reservations, []);
    },
  },
  {
    name: "reserve refuses more than the quota of an owner, in all sessions together",
    run: async (setting) => {
      const { store } = setting;
      await reserve(setting, { items: ["one", "two"], quota: 3 });
      const more = { items: ["two", "three", "four"], session: "ann-2", quota: 3, mode: "each" } as const;
      assert.deepEqual(await store.reserve(wish(setting, more)), { status: "quota", held: 2 });
      assert.equal((await all(setting)).length, 2);
      await reserveOne(setting, "three", { session: "ann-2", quota: 3 });
      assert.deepEqual(await store.reserve(wish(setting, { items: ["four"], quota: 3 })), { status: "quota", held: 3 });
      const own = await store.reserve(wish(setting, { items: ["one", "two"], quota: 3 }));
      assert.ok(own.status === "done", "what is held already does not count twice");
      await reserveOne(setting, "four", { owner: bob, session: "bob-1", quota: 3 });
    },
  },
  {
    name: "reserve gives rising tokens, no two of a registry the same",
    run: async (setting) => {
      const { store, registry } = setting;
      const tokens: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        tokens.push(...(await reserve(setting, { items: ["one", "two", "three"] })).map(({ token }) => token));
        await store.releaseAll({ registry, of: { session: "ann-1" }, operation: newOperation() });
      }
      for (const [at, token] of tokens.slice(1).entries()) assert.ok(token > (tokens[at] ?? token), tokens.join(" "));
    },
  },
  {
    name: "reserve recognises its resend, also after the release, and does not reserve again",
    run: async (setting) => {
      const { store, registry } = setting;
      const params = wish(setting);
      const first = await store.reserve(params);
      assert.deepEqual(await store.reserve(params), first);
      await store.release({ registry, items: [{ item: "one" }], session: "ann-1", operation: newOperation() });
      assert.deepEqual(await store.reserve(params), first);
      assert.deepEqual(await all(setting), []);
      const others = await reserveOne(setting, "one", { owner: bob, session: "bob-1" });
      await store.reserve(params);
      assert.deepEqual(await all(setting), [others]);
      assert.deepEqual(await kinds(setting), ["reserved one", "released one", "reserved one"]);
    },
  },
  {
    name: "reserve that was refused stays refused when it comes again later",
    run: async (setting) => {
      const { store, registry } = setting;
      await reserveOne(setting, "one", { owner: bob, session: "bob-1" });
      const params = wish(setting);
      const limited = wish(setting, { items: ["two", "three"], quota: 1 });
      const refused = await store.reserve(params);
      assert.deepEqual(await store.reserve(limited), { status: "quota", held: 0 });
      await store.releaseAll({ registry, of: { owner: "bob" }, operation: newOperation() });
      assert.deepEqual(await store.reserve(params), refused);
      assert.deepEqual(await store.reserve(limited), { status: "quota", held: 0 });
      assert.deepEqual(await all(setting), []);
    },
  },
];
