import assert from "node:assert/strict";
import { markOrigin } from "../feed/log-store.js";
import { append, begin, follow, newOperation, only, page, rise, type LogStoreCase } from "./log-store-fixture.js";

/** Logs that are not what they were. */
export const forkingCases: readonly LogStoreCase[] = [
  {
    name: "sync says that the last applied entry was lost, and puts the end of the log above it",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      const kept = await append(setting, start.position, "kept");
      const rewind = await setting.keep();
      const lost = await append(setting, start.position, "lost");
      await rewind();
      const fork = await store.sync({ log, last: lost, count: page });
      assert.equal(fork.status, "FORK");
      const fence = only(fork);
      assert.equal(fence.origin, markOrigin);
      rise(kept.position, lost.position, fence.position);
      const next = await append(setting, fence.position, "next");
      rise(fence.position, next.position);
      // Whoever had not seen the lost one follows without a break.
      const followed = await follow(setting, kept);
      assert.deepEqual(
        followed.filter(({ origin }) => origin !== markOrigin),
        [kept, next],
      );
    },
  },
  {
    name: "sync tells an entry from another at the same position",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      const rewind = await setting.keep();
      const lost = await append(setting, start.position, "lost");
      await rewind();
      await setting.plant("in its place", lost.position);
      const fork = await store.sync({ log, last: lost, count: page });
      assert.equal(fork.status, "FORK");
      rise(lost.position, only(fork).position);
    },
  },
  {
    name: "sync says that a log was removed, and begins it above what was applied",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const remove = await setting.keep();
      const start = await begin(setting);
      const last = await append(setting, start.position, "applied");
      await remove();
      const fork = await store.sync({ log, last, count: page });
      assert.equal(fork.status, "FORK");
      const mark = only(fork);
      assert.equal(mark.origin, markOrigin);
      rise(last.position, mark.position);
      rise(mark.position, (await append(setting, mark.position, "next")).position);
    },
  },
  {
    name: "sync says the same of a log that was removed and filled again, also by others",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const remove = await setting.keep();
      const start = await begin(setting);
      const last = await append(setting, start.position, "applied");
      await remove();
      await setting.plant("refilled");
      const fork = await store.sync({ log, last, count: page });
      assert.equal(fork.status, "FORK");
      rise(last.position, only(fork).position);
    },
  },
  {
    name: "sync says that an entry was trimmed away by hand, also when nothing is left",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      const last = await append(setting, start.position, "applied");
      const end = await append(setting, start.position, "end");
      await setting.trim(1);
      const fork = await store.sync({ log, last, count: page });
      assert.deepEqual([fork.status, only(fork)], ["FORK", end]);
      await setting.trim(0);
      const emptied = await store.sync({ log, last: end, count: page });
      assert.equal(emptied.status, "FORK");
      rise(end.position, only(emptied).position);
    },
  },
  {
    name: "sync gives all who lost something an end above what each has applied",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      const rewind = await setting.keep();
      const lost = [];
      for (const payload of ["1", "2", "3"]) lost.push(await append(setting, start.position, payload));
      await rewind();
      const ends = await Promise.all(
        [...lost, ...lost].map(async (last) => {
          const fork = await store.sync({ log, last, count: page });
          assert.equal(fork.status, "FORK");
          rise(last.position, only(fork).position);
          return only(fork);
        }),
      );
      const highest = await begin(setting);
      assert.ok(ends.some(({ operation }) => operation === highest.operation));
      const [, ...fences] = await follow(setting, start);
      rise(start.position, ...fences.map(({ position }) => position));
      assert.ok(fences.length <= 2 * lost.length, `${fences.length} marks`);
    },
  },
  {
    name: "sync goes on where another program gives positions of its own, however high",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      const start = await begin(setting);
      const rewind = await setting.keep();
      // Neither two of them are the same number in binary64.
      const high = ["20260101120000001-0", "20260101120000002-0", "20260101120000002-9007199254740993"];
      for (const position of high) await setting.plant(`at ${position}`, position);
      const entries = await follow(setting, start);
      rise(...entries.map(({ position }) => position));
      assert.deepEqual(
        entries.slice(1).map(({ position }) => position),
        high,
      );
      const own = await append(setting, high[2] as string, "ours", newOperation());
      rise(high[2] as string, own.position);
      await rewind();
      const fork = await store.sync({ log, last: own, count: page });
      assert.equal(fork.status, "FORK");
      rise(own.position, only(fork).position);
      rise(only(fork).position, (await append(setting, only(fork).position, "next")).position);
    },
  },
  {
    name: "sync puts the end above what was lost also where both have high positions next to one another",
    loses: true,
    run: async (setting) => {
      const { store, log } = setting;
      await begin(setting);
      // One and the same number in binary64.
      const [kept, lost] = ["20260101120000001-0", "20260101120000002-0"] as const;
      await setting.plant("kept", kept);
      const rewind = await setting.keep();
      await setting.plant("lost", lost);
      await rewind();
      const last = { position: lost, origin: "", operation: "" };
      const fork = await store.sync({ log, last, count: page });
      assert.equal(fork.status, "FORK");
      rise(kept, lost, only(fork).position);
      const nines = { ...last, position: "20260199999999999-7" };
      const other = await store.sync({ log, last: nines, count: page });
      assert.equal(other.status, "FORK");
      rise(nines.position, only(other).position);
    },
  },
];
