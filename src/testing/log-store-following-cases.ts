import assert from "node:assert/strict";
import { markOrigin } from "../feed/log-store.js";
import { append, begin, follow, only, page, rise, type LogStoreCase } from "./log-store-fixture.js";

/** Reading on. */
export const followingCases: readonly LogStoreCase[] = [
  {
    name: "sync begins an empty log with a mark, one for all who begin at once",
    run: async (setting) => {
      const { store, log } = setting;
      const started = await Promise.all(
        Array.from({ length: 5 }, () => store.sync({ log, last: undefined, count: page })),
      );
      const [mark] = started.map(only);
      assert.ok(mark !== undefined && mark.origin === markOrigin && mark.payload === "" && mark.operation !== "");
      for (const sync of started) {
        assert.equal(sync.status, "START");
        assert.deepEqual(sync.entries, [mark]);
        assert.ok(Number.isSafeInteger(sync.now) && sync.now > 1e12, `${sync.now}`);
      }
      assert.deepEqual(await follow(setting, mark), [mark]);
    },
  },
  {
    name: "sync begins with the end of a log that has one",
    run: async (setting) => {
      const start = await begin(setting);
      await append(setting, start.position, "first");
      const end = await append(setting, start.position, "second");
      assert.deepEqual(await begin(setting), end);
    },
  },
  {
    name: "sync gives what follows the last applied entry, with that one, as many as are asked for",
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      const entries = [start];
      for (const payload of ["1", "2", "3", "4"]) entries.push(await append(setting, start.position, payload));
      const sync = async (last: number, count: number): Promise<readonly unknown[]> => {
        const { status, entries: found } = await store.sync({ log, last: entries[last], count });
        assert.equal(status, "OK");
        return found;
      };
      assert.deepEqual(await sync(0, page), entries);
      assert.deepEqual(await sync(2, page), entries.slice(2));
      assert.deepEqual(await sync(1, 2), entries.slice(1, 3));
      assert.deepEqual(await sync(1, 4), entries.slice(1));
      assert.deepEqual(await sync(4, page), entries.slice(4));
    },
  },
  {
    name: "sync gives what another program appended, without origin and operation",
    run: async (setting) => {
      const start = await begin(setting);
      const position = await setting.plant("from elsewhere");
      const foreign = { position, origin: "", operation: "", payload: "from elsewhere" };
      assert.deepEqual(await follow(setting, start), [start, foreign]);
      assert.deepEqual(await follow(setting, foreign), [foreign]);
      const next = await append(setting, position, "ours");
      assert.deepEqual(await follow(setting, foreign), [foreign, next]);
    },
  },
  {
    name: "sync says that an entry was cut off behind a full log",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      const entry = await append(setting, start.position, "soon gone");
      await setting.flood(9_000);
      assert.equal((await store.sync({ log, last: entry, count: 2 })).status, "OK");
      await setting.flood(1_500);
      const cut = await store.sync({ log, last: entry, count: page });
      assert.equal(cut.status, "CUT");
      const end = only(cut);
      rise(entry.position, end.position);
      assert.deepEqual(await follow(setting, end), [end]);
    },
  },
  {
    name: "read gives the entries from a position on, also where the log has none there, as many as are asked for",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const read = (from: string, count = page): Promise<readonly unknown[]> => store.read({ log, from, count });
      assert.deepEqual(await read("0-0"), []);
      const start = await begin(setting);
      const entries = [start];
      for (const payload of ["1", "2"]) entries.push(await append(setting, start.position, payload));
      const position = await setting.plant("from elsewhere");
      entries.push({ position, origin: "", operation: "", payload: "from elsewhere" });
      assert.deepEqual(await read("0-0"), entries);
      assert.deepEqual(await read(start.position), entries);
      assert.deepEqual(await read("0-0", 3), entries.slice(0, 3));
      assert.deepEqual(await read(position), entries.slice(3));
      assert.deepEqual(await read("20260101120000000-0"), []);
      await setting.trim(2);
      assert.deepEqual(await read(start.position), entries.slice(2));
    },
  },
];
