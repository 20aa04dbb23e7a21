import assert from "node:assert/strict";
import {
  create,
  found,
  idle,
  isMissing,
  newSession,
  Process,
  put,
  update,
  type SessionStoreCase,
} from "./session-store-fixture.js";

/** Extending. */
export const touchingCases: readonly SessionStoreCase[] = [
  {
    name: "touch extends a session and changes nothing else",
    run: async ({ store, elapse }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write());
      await elapse(300);
      const before = found(await store.load(session)).remaining;
      const result = await store.touch(session);
      assert.ok(
        result.status === "done" && result.remaining > before && result.remaining <= idle,
        JSON.stringify(result),
      );
      const { record, remaining } = found(await store.load(session));
      assert.deepEqual(record, base);
      assert.ok(remaining > before, `${remaining} after ${before}`);
    },
  },
  {
    name: "touch never goes beyond the absolute end",
    run: async ({ store, elapse }) => {
      const [session, one] = [newSession(), new Process()];
      await create(store, session, one.write(), { absolute: 5000 });
      await elapse(200);
      const result = await store.touch(session);
      assert.ok(result.status === "done" && result.remaining <= 4800, JSON.stringify(result));
      assert.ok(found(await store.load(session)).remaining <= 4800);
    },
  },
  {
    name: "touch finds nothing to extend: missing, another token, destroyed",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      assert.deepEqual(await store.touch(session), { status: "gone" });
      await create(store, session, one.write());
      assert.deepEqual(await store.touch({ ...newSession(), selector: session.selector }), { status: "gone" });
      await store.destroy({ ...session, write: one.write() });
      assert.deepEqual(await store.touch(session), { status: "gone" });
      await isMissing(store, session);
    },
  },
];

/** Ending. */
export const destroyingCases: readonly SessionStoreCase[] = [
  {
    name: "destroy ends a session for every later call",
    run: async ({ store }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const base = await create(store, session, one.write());
      assert.deepEqual(await store.destroy({ ...session, write: two.write() }), { status: "done" });
      await isMissing(store, session);
      assert.deepEqual(await store.update(update(session, base, one.write())), { status: "gone" });
      await isMissing(store, session);
      assert.deepEqual(await store.destroy({ ...session, write: one.write() }), { status: "gone" });
    },
  },
  {
    name: "destroy with another token changes nothing",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write());
      const stranger = { ...newSession(), selector: session.selector };
      assert.deepEqual(await store.destroy({ ...stranger, write: one.write() }), { status: "gone" });
      assert.deepEqual(found(await store.load(session)).record, base);
    },
  },
  {
    name: "destroy outlives a create that was sent earlier and arrives for the first time",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      const late = put(session, one.write());
      assert.deepEqual(await store.destroy({ ...session, write: one.write() }), { status: "gone" });
      assert.deepEqual(await store.put(late), { status: "gone" });
      await isMissing(store, session);
    },
  },
  {
    name: "destroy outlives a create of another process that is delivered again",
    run: async ({ store }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const first = put(session, one.write());
      await create(store, session, first.write);
      await store.destroy({ ...session, write: two.write() });
      await store.destroy({ ...session, write: two.write() });
      assert.deepEqual(await store.put(first), { status: "gone" });
      await isMissing(store, session);
    },
  },
  {
    name: "destroy gives way to a create that is sent later",
    run: async ({ store, elapse }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const former = await create(store, session, one.write());
      await store.destroy({ ...session, write: one.write() });
      await elapse(5);
      const again = await create(store, session, two.write(), { payload: '{"again":1}' });
      assert.ok(again.version > former.version, `${again.version} after ${former.version}`);
      assert.ok(again.created > former.created);
    },
  },
  {
    name: "destroy that is delivered again spares the session that was created since",
    run: async ({ store }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      await create(store, session, one.write());
      const ending = { ...session, write: one.write() };
      assert.deepEqual(await store.destroy(ending), { status: "done" });
      const again = await create(store, session, two.write());
      assert.deepEqual(await store.destroy(ending), { status: "done" });
      assert.deepEqual(found(await store.load(session)).record, again);
      const other = await create(store, session, one.write());
      assert.deepEqual(await store.destroy(ending), { status: "gone" });
      assert.deepEqual(found(await store.load(session)).record, other);
    },
  },
];

/** What time and others do. */
export const expiringCases: readonly SessionStoreCase[] = [
  {
    name: "load finds nothing once the idle time has passed, nor do touch and update",
    expires: true,
    run: async ({ store, elapse }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write(), { idle: 250 });
      await elapse(260);
      await isMissing(store, session);
      assert.deepEqual(await store.touch(session), { status: "gone" });
      assert.deepEqual(await store.update(update(session, base, one.write())), { status: "gone" });
      await isMissing(store, session);
    },
  },
  {
    name: "touch and update keep a session beyond its first idle time",
    expires: true,
    run: async ({ store, elapse }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write(), { idle: 1_500 });
      await elapse(800);
      assert.equal((await store.touch(session)).status, "done");
      await elapse(800);
      assert.equal((await store.update(update(session, base, one.write(), { idle: 1_500 }))).status, "done");
      await elapse(800);
      found(await store.load(session));
      await elapse(720);
      await isMissing(store, session);
    },
  },
  {
    name: "load finds nothing once the absolute end has come, whatever touch and update did",
    expires: true,
    run: async ({ store, elapse }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write(), { absolute: 1_500 });
      await elapse(750);
      assert.equal((await store.touch(session)).status, "done");
      assert.equal((await store.update(update(session, base, one.write()))).status, "done");
      assert.equal((await store.put(put(session, one.write(), { absolute: 90_000 }))).status, "done");
      await elapse(760);
      await isMissing(store, session);
    },
  },
  {
    name: "load tells a text that nobody of ours wrote; put replaces it, the others find no session",
    run: async ({ store, plant }) => {
      const one = new Process();
      for (const text of [
        "",
        "nonsense",
        '{"cookie":{}}',
        "2|1|1|1|0|t||0|e30|\n{}",
        "1|x|1|1|0|t||0|e30|\n{}",
        "0|broken",
      ]) {
        const session = newSession();
        await plant(session.selector, text);
        assert.deepEqual(await store.load(session), { status: "corrupt" }, text);
        assert.deepEqual(await store.touch(session), { status: "gone" }, text);
        assert.deepEqual(
          await store.update(update(session, { created: 1, version: 1 }, one.write())),
          { status: "gone" },
          text,
        );
        assert.deepEqual(await store.load(session), { status: "corrupt" }, text);
        const { created, version } = await create(store, session, one.write());
        assert.ok(created > 1 && version > 1, `${text}: created ${created}, version ${version}`);
      }
    },
  },
];
