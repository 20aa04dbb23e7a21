import assert from "node:assert/strict";
import type { RosterRow, RosterStore } from "../feed/roster-store.js";

/** What a case gets: a store whose roster nobody has used, and the hands of others on it. */
export interface RosterStoreSetting {
  readonly store: RosterStore;
  /** Resolves when so many milliseconds have passed on the clock that dates beats. */
  readonly elapse: (milliseconds: number) => Promise<void>;
  /** Keeps the roster as it is now; the returned function puts it back, as a failover does with what its new primary had. */
  readonly keep: () => Promise<() => Promise<void>>;
}

/** One case of the suite. */
export interface RosterStoreCase {
  /** Begins with the port's method that it is about. */
  readonly name: string;
  /** Somebody is silent: a beat that is delivered again after that ends the silence. */
  readonly silence?: boolean;
  readonly run: (setting: RosterStoreSetting) => Promise<void>;
}

const quiet = { positions: "", details: "{}", forget: 0 };

/** The rows in the order of their ids. */
async function rowsOf(store: RosterStore): Promise<readonly RosterRow[]> {
  return [...(await store.read()).rows].sort((one, other) => (one.id < other.id ? -1 : 1));
}

async function idsOf(store: RosterStore): Promise<readonly string[]> {
  return (await rowsOf(store)).map(({ id }) => id);
}

/** What every adapter of the port of rosters must do. */
export const rosterStoreCases: readonly RosterStoreCase[] = [
  {
    name: "read gives nobody where nobody has said that it lives",
    run: async ({ store }) => {
      const { now, rows } = await store.read();
      assert.deepEqual(rows, []);
      assert.ok(Number.isSafeInteger(now) && now > 1e12, `${now}`);
    },
  },
  {
    name: "beat writes an instance down as it says, with the time",
    run: async ({ store, elapse }) => {
      const before = (await store.read()).now;
      await elapse(5);
      const { now } = await store.beat({ id: "a", positions: "x=1-0&y=2-0", details: '{"a":1}', forget: 0 });
      assert.ok(now > before, `${now} after ${before}`);
      const [row] = await rowsOf(store);
      assert.deepEqual(row, { id: "a", beat: row?.beat, positions: "x=1-0&y=2-0", details: '{"a":1}' });
      assert.ok(row !== undefined && row.beat >= now && row.beat <= (await store.read()).now, `${row?.beat}`);
      await elapse(20);
      await store.beat({ id: "a", positions: "x=3-0", details: '{"a":1}', forget: 0 });
      const [later] = await rowsOf(store);
      assert.ok(later !== undefined && later.beat >= now + 20, `${later?.beat} after ${now}`);
      assert.equal(later.positions, "x=3-0");
    },
  },
  {
    name: "beat keeps every character of the details, and of an id",
    run: async ({ store }) => {
      const details = ['ünï|"\\\n\r\t\u0000\u2028🦊%s%%', "", "|", "a|b\nc|d", "12|x|y", "x".repeat(10_000)];
      for (const [index, text] of details.entries()) {
        const { version } = await store.beat({ ...quiet, id: `ü|${index}`, details: text });
        assert.equal((await store.beat({ ...quiet, id: `ü|${index}`, details: text })).version, version);
      }
      assert.deepEqual(
        (await rowsOf(store)).map(({ id, details: text }) => [id, text]),
        details.map((text, index) => [`ü|${index}`, text]),
      );
    },
  },
  {
    name: "beat gives another version when somebody came, went or changed its details, and for nothing else",
    silence: true,
    run: async ({ store, elapse }) => {
      const beat = async (id: string, changes: object = {}): Promise<number> =>
        (await store.beat({ ...quiet, id, ...changes })).version;
      const seen = [await beat("a")];
      const isNew = (version: number): void => {
        assert.ok(!seen.includes(version), `${version} was seen before: ${seen.join()}`);
        seen.push(version);
      };
      const isLast = (version: number): void => assert.equal(version, seen.at(-1));
      isLast(await beat("a"));
      isLast(await beat("a", { positions: "x=1-0" }));
      isLast(await beat("a", { forget: 60_000 }));
      isNew(await beat("b"));
      isLast(await beat("a"));
      isNew(await beat("a", { details: '{"a":2}' }));
      isLast(await beat("b"));
      await store.leave({ id: "nobody" });
      isLast(await beat("b"));
      await store.leave({ id: "a" });
      isNew(await beat("b"));
      isNew(await beat("c"));
      await elapse(30);
      isNew(await beat("b", { forget: 10 }));
      isNew(await beat("c"));
    },
  },
  {
    name: "beat forgets those that were silent for longer than it is told, and nobody when it is told 0",
    silence: true,
    run: async ({ store, elapse }) => {
      for (const id of ["a", "b", "c"]) await store.beat({ ...quiet, id });
      await elapse(300);
      await store.beat({ ...quiet, id: "b" });
      await store.beat({ ...quiet, id: "d" });
      assert.deepEqual(await idsOf(store), ["a", "b", "c", "d"]);
      await store.beat({ ...quiet, id: "d", forget: 250 });
      assert.deepEqual(await idsOf(store), ["b", "d"]);
      // Its own silence does not count: it has just spoken.
      await elapse(20);
      await store.beat({ ...quiet, id: "b", forget: 10 });
      assert.deepEqual(await idsOf(store), ["b"]);
    },
  },
  {
    name: "beat gives no version twice where a failover lost a change and another follows",
    silence: true,
    run: async ({ store, elapse, keep }) => {
      const { version: first } = await store.beat({ ...quiet, id: "a" });
      const rewind = await keep();
      await elapse(5);
      const { version: lost } = await store.beat({ ...quiet, id: "b" });
      await rewind();
      await elapse(5);
      const { version: next } = await store.beat({ ...quiet, id: "c" });
      assert.equal(new Set([first, lost, next]).size, 3, `${first}, ${lost}, ${next}`);
      const rewindAgain = await keep();
      await elapse(5);
      await store.leave({ id: "c" });
      const { version: left } = await store.beat({ ...quiet, id: "a" });
      await rewindAgain();
      await elapse(5);
      await store.leave({ id: "a" });
      const { version: other } = await store.beat({ ...quiet, id: "c" });
      assert.equal(new Set([first, lost, next, left, other]).size, 5, `${next}, ${left}, ${other}`);
    },
  },
  {
    name: "leave removes one instance, and whoever is not there is as good as removed",
    run: async ({ store }) => {
      await store.leave({ id: "a" });
      for (const id of ["a", "b"]) await store.beat({ ...quiet, id });
      await store.leave({ id: "a" });
      await store.leave({ id: "a" });
      assert.deepEqual(await idsOf(store), ["b"]);
      await store.beat({ ...quiet, id: "a" });
      assert.deepEqual(await idsOf(store), ["a", "b"]);
    },
  },
  {
    name: "beat of many at once loses nobody",
    run: async ({ store }) => {
      const ids = Array.from({ length: 20 }, (_, index) => `${100 + index}`);
      await Promise.all(ids.map((id) => store.beat({ ...quiet, id, forget: 60_000 })));
      assert.deepEqual(await idsOf(store), ids);
      const versions = await Promise.all(ids.map(async (id) => (await store.beat({ ...quiet, id })).version));
      assert.equal(new Set(versions).size, 1);
    },
  },
];
