import assert from "node:assert/strict";
import { bob, newOperation, reserve, reserveOne, type ReservationStoreCase } from "./reservation-store-fixture.js";

/** Reading. */
export const readingCases: readonly ReservationStoreCase[] = [
  {
    name: "check says who has an item, by session and by token",
    run: async (setting) => {
      const { store, registry } = setting;
      const check = (params: { session?: string; token?: number }): Promise<unknown> =>
        store.check({ registry, item: "one", ...params });
      assert.deepEqual(await check({}), { status: "free" });
      assert.deepEqual(await check({ session: "ann-1", token: 7 }), { status: "free" });
      const reservation = await reserveOne(setting, "one");
      const { token } = reservation;
      const held = { status: "held", reservation };
      const other = { status: "other", holder: reservation };
      assert.deepEqual(await check({}), held);
      assert.deepEqual(await check({ session: "ann-1" }), held);
      assert.deepEqual(await check({ token }), held);
      assert.deepEqual(await check({ session: "ann-1", token }), held);
      assert.deepEqual(await check({ session: "ann-2" }), other);
      assert.deepEqual(await check({ session: "ann-2", token }), other);
      assert.deepEqual(await check({ session: "ann-1", token: token - 1 }), other);
      assert.deepEqual(await store.check({ registry, item: "two", token }), { status: "free" });
    },
  },
  {
    name: "check says how the one with the token ended, of that item alone",
    run: async (setting) => {
      const { store, registry } = setting;
      const [one, two] = await reserve(setting, { items: ["one", "two"] });
      await store.releaseAll({ registry, of: { session: "ann-1" }, operation: newOperation() });
      const next = await reserveOne(setting, "one", { owner: bob, session: "bob-1" });
      const last = { token: one?.token, how: "released" };
      const asked = { registry, item: "one", session: "ann-1" };
      assert.deepEqual(await store.check({ ...asked, token: one?.token }), { status: "other", holder: next, last });
      assert.deepEqual(await store.check({ ...asked, token: two?.token }), { status: "other", holder: next });
      assert.deepEqual(await store.check({ ...asked, item: "two", token: two?.token }), {
        status: "free",
        last: { token: two?.token, how: "released" },
      });
    },
  },
  {
    name: "get gives those of the items that are reserved, each once, in the order asked for",
    run: async (setting) => {
      const { store, registry } = setting;
      const [one, two] = await reserve(setting, { items: ["one", "two"] });
      assert.deepEqual(await store.get({ registry, items: ["two", "none", "one", "two"] }), [two, one]);
      assert.deepEqual(await store.get({ registry, items: ["none"] }), []);
      assert.deepEqual(await store.get({ registry, items: [] }), []);
    },
  },
  {
    name: "list gives all page by page, in the order of the items, and those of one owner or session",
    run: async (setting) => {
      const { store, registry } = setting;
      const items = Array.from({ length: 7 }, (_, number) => `item-${number}`);
      await reserve(setting, { items: [...items].reverse() });
      await reserve(setting, { items: ["item-1b"], owner: bob, session: "bob-1" });
      const page = async (of: Parameters<typeof store.list>[0]["of"], count: number): Promise<readonly string[]> => {
        const found: string[] = [];
        let cursor: string | undefined;
        do {
          const { reservations, next } = await store.list({ registry, of, cursor, count });
          assert.ok(reservations.length <= count);
          found.push(...reservations.map(({ item }) => item));
          cursor = next;
        } while (cursor !== undefined);
        return found;
      };
      assert.deepEqual(await page(undefined, 3), [...items, "item-1b"].toSorted());
      assert.deepEqual(await page(undefined, 8), [...items, "item-1b"].toSorted());
      assert.deepEqual(await page({ owner: "ann" }, 2), items);
      assert.deepEqual(await page({ session: "ann-1" }, 7), items);
      assert.deepEqual(await page({ session: "bob-1" }, 1), ["item-1b"]);
      assert.deepEqual(await page({ owner: "an" }, 1), []);
      const { reservations, next } = await store.list({ registry, count: 8 });
      assert.equal(reservations.length, 8);
      assert.equal(next, undefined);
    },
  },
];
