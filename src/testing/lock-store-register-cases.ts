import assert from "node:assert/strict";
import { claim, granted, Instance, newName, type LockStoreCase } from "./lock-store-fixture.js";

/** Values that are written with a token, and texts that nobody of ours wrote. */
export const registerCases: readonly LockStoreCase[] = [
  {
    name: "read gives what write stored, any text",
    run: async ({ store }) => {
      const register = `${newName()}ü|{}*\n\u0000`;
      assert.equal(await store.read(register), undefined);
      const value = 'ü|{"a":1}\n\r\u0000\u2028 🦊';
      assert.deepEqual(await store.write(entry({ register, token: 7, value })), { status: "written" });
      assert.deepEqual(await store.read(register), { token: 7, value });
      await store.write(entry({ register, token: 8, value: "" }));
      assert.deepEqual(await store.read(register), { token: 8, value: "" });
    },
  },
  {
    name: "write with an older token is refused with the newer one",
    run: async ({ store }) => {
      const register = newName();
      const token = 9_000_000_000_000_001;
      await store.write(entry({ register, token, value: "new" }));
      const stale = entry({ register, token: token - 1, process: "other", sequence: 9, value: "old" });
      assert.deepEqual(await store.write(stale), { status: "stale", token });
      assert.deepEqual(await store.read(register), { token, value: "new" });
    },
  },
  {
    name: "write with the same token goes by the sequence of its process",
    run: async ({ store }) => {
      const register = newName();
      await store.write(entry({ register, sequence: 2, value: "two" }));
      assert.deepEqual(await store.write(entry({ register, sequence: 1, value: "one" })), { status: "written" });
      assert.equal((await store.read(register))?.value, "two");
      await store.write(entry({ register, sequence: 3, value: "three" }));
      assert.equal((await store.read(register))?.value, "three");
      // The numbers of two processes do not compare.
      await store.write(entry({ register, token: 6, process: "other", sequence: 1, value: "other" }));
      assert.deepEqual(await store.read(register), { token: 6, value: "other" });
    },
  },
  {
    name: "write keeps a value for as long as it is told to",
    expires: true,
    run: async ({ store, elapse }) => {
      const register = newName();
      await store.write(entry({ register, life: 300, value: "short" }));
      assert.equal((await store.read(register))?.value, "short");
      await store.write(entry({ register: `${register}2`, life: 0, value: "for ever" }));
      await elapse(320);
      assert.equal(await store.read(register), undefined);
      assert.equal((await store.read(`${register}2`))?.value, "for ever");
    },
  },
  {
    name: "read and write say so where something else is stored, and change nothing",
    run: async ({ store, plantRegister }) => {
      const register = newName();
      await plantRegister(register, "something else");
      const isCorrupt = { code: "ERR_FLEET_CORRUPT_DATA" };
      await assert.rejects(store.read(register), isCorrupt);
      await assert.rejects(store.write(entry({ register })), isCorrupt);
      await assert.rejects(store.read(register), isCorrupt);
    },
  },
  {
    name: "inspect and every other call say so where something else is stored, and change nothing",
    expires: true,
    run: async ({ store, plant, elapse }) => {
      const isCorrupt = { code: "ERR_FLEET_CORRUPT_DATA" };
      const planted = [
        "something else",
        "2||7|1|2|0|0|\n\n\n",
        "1||7|1|2|0|0|\n\n\nsomebody waits",
        "1||7|1|2|0|0|\n\n\none|1|2|3|4|{}\ntwo|1|2|3|{}\n",
      ];
      for (const text of planted) {
        const [name, one] = [newName(), new Instance()];
        await plant(name, text);
        const [request, params] = [one.request(name), { name, operation: "o", why: "{}", expected: undefined }];
        await assert.rejects(store.ask(request, claim()), isCorrupt);
        await assert.rejects(store.end(request, 0), isCorrupt);
        await assert.rejects(store.endAndAsk(request, 9, claim()), isCorrupt);
        await assert.rejects(store.renew(request, { lease: 9, token: 1, held: 0, notes: "{}" }), isCorrupt);
        await assert.rejects(store.forceRelease({ ...params, process: "x" }), isCorrupt);
        await assert.rejects(store.steal(params, request, { lease: 9, notes: "{}" }), isCorrupt);
        await elapse(1);
        await assert.rejects(store.inspect(name), isCorrupt);
      }
    },
  },
  {
    name: "inspect shows who waits, in order, and not who has given up",
    expires: true,
    run: async ({ store, elapse }) => {
      const name = newName();
      const [holder, dead, living] = [new Instance(), new Instance(), new Instance()];
      const { now } = granted(await store.ask(holder.request(name), claim()));
      await store.ask(dead.request(name), claim({ patience: 20 }));
      await store.ask(living.request(name), claim({ notes: '{"living":true}' }));
      await elapse(40);
      const view = await store.inspect(name);
      assert.equal(view.waiters.length, 1);
      const [waiter] = view.waiters;
      assert.deepEqual([waiter?.process, waiter?.notes], [living.process, '{"living":true}']);
      assert.ok(waiter !== undefined && waiter.since >= now && waiter.since <= view.now);
    },
  },
];

interface Entry {
  readonly register: string;
  readonly token: number;
  readonly process: string;
  readonly sequence: number;
  readonly life: number;
  readonly value: string;
}

function entry(changes: Partial<Entry> & { readonly register: string }): Entry {
  return { token: 5, process: "writer", sequence: 1, life: 0, value: "value", ...changes };
}
