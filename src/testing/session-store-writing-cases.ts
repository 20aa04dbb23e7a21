import assert from "node:assert/strict";
import {
  cookie,
  create,
  found,
  idle,
  isMissing,
  newSession,
  other,
  Process,
  put,
  update,
  type SessionStoreCase,
} from "./session-store-fixture.js";

/** Reading and creating. */
export const creatingCases: readonly SessionStoreCase[] = [
  {
    name: "load finds nothing where nothing was put",
    run: async ({ store }) => isMissing(store, newSession()),
  },
  {
    name: "put creates a session that load gives back as it was put",
    run: async ({ store }) => {
      const session = newSession();
      const result = await store.put(put(session, new Process().write()));
      assert.ok(result.status === "done");
      assert.equal(result.version, 1);
      const { record, remaining } = found(await store.load(session));
      const { token } = session;
      const { created } = result;
      const expected = {
        version: 1,
        created,
        idle,
        absoluteAt: 0,
        token,
        previousToken: "",
        previousUntil: 0,
        cookie,
        payload: '{"a":1}',
      };
      assert.deepEqual(record, expected);
      assert.ok(remaining > idle - 10_000 && remaining <= idle, `${remaining}`);
    },
  },
  {
    name: "put keeps every character of cookie and payload",
    run: async ({ store }) => {
      const strange = JSON.stringify({
        text: 'ünï|"\\\n\t\u0000\u2028{}%s%%|0|1,:',
        emoji: "🦊",
        empty: [],
        none: {},
        long: "x".repeat(100_000),
      });
      const session = newSession();
      const record = await create(store, session, new Process().write(), { cookie: strange, payload: strange });
      assert.equal(record.payload, strange);
      assert.equal(record.cookie, strange);
    },
  },
  {
    name: "put replaces a session whole and keeps its creation and absolute end",
    run: async ({ store, elapse }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const first = await create(store, session, one.write(), { absolute: 90_000 });
      await elapse(20);
      const second = await create(store, session, two.write(), {
        absolute: 500_000,
        cookie: other,
        payload: '{"b":1}',
        idle: 30_000,
      });
      assert.deepEqual(second, { ...first, version: 2, idle: 30_000, cookie: other, payload: '{"b":1}' });
      assert.ok(found(await store.load(session)).remaining <= 30_000);
    },
  },
  {
    name: "put recognises its own resend after another process wrote",
    run: async ({ store }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const first = put(session, one.write());
      const { created } = await create(store, session, first.write);
      await store.update(update(session, { created, version: 1 }, two.write()));
      assert.deepEqual(await store.put(first), { status: "done", version: 1, created });
      assert.equal(found(await store.load(session)).record.payload, '{"a":2}');
    },
  },
  {
    name: "put is refused when a later write of its process is applied",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      const late = put(session, one.write(), { payload: '{"late":1}' });
      const record = await create(store, session, one.write());
      assert.deepEqual(await store.put(late), { status: "superseded" });
      assert.deepEqual(found(await store.load(session)).record, record);
    },
  },
  {
    name: "put leaves other sessions alone",
    run: async ({ store }) => {
      const [session, neighbour, one] = [newSession(), newSession(), new Process()];
      await create(store, session, one.write());
      await create(store, neighbour, one.write(), { payload: '{"n":1}' });
      assert.equal((await store.destroy({ ...session, write: one.write() })).status, "done");
      assert.equal(found(await store.load(neighbour)).record.payload, '{"n":1}');
    },
  },
];

/** Compare-and-set. */
export const updatingCases: readonly SessionStoreCase[] = [
  {
    name: "update replaces the payload and keeps the rest",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write(), { absolute: 90_000 });
      assert.deepEqual(await store.update(update(session, base, one.write())), { status: "done", version: 2 });
      assert.deepEqual(found(await store.load(session)).record, { ...base, version: 2, payload: '{"a":2}' });
    },
  },
  {
    name: "update replaces cookie and idle time and keeps the payload",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write());
      await store.update(update(session, base, one.write(), { idle: 20_000, cookie: other, payload: undefined }));
      const { record, remaining } = found(await store.load(session));
      assert.deepEqual(record, { ...base, version: 2, idle: 20_000, cookie: other });
      assert.ok(remaining <= 20_000, `${remaining}`);
    },
  },
  {
    name: "update extends the session to its idle time",
    run: async ({ store, elapse }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write());
      await elapse(300);
      const before = found(await store.load(session)).remaining;
      assert.ok(before <= idle - 300, `${before}`);
      await store.update(update(session, base, one.write()));
      assert.ok(found(await store.load(session)).remaining > before);
    },
  },
  {
    name: "update with an old base changes nothing and gives what is stored",
    run: async ({ store }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const base = await create(store, session, one.write());
      await store.update(update(session, base, two.write(), { payload: '{"theirs":1}' }));
      const result = await store.update(update(session, base, one.write(), { payload: '{"mine":1}' }));
      assert.deepEqual(result, { status: "conflict", record: { ...base, version: 2, payload: '{"theirs":1}' } });
      assert.deepEqual(found(await store.load(session)).record, { ...base, version: 2, payload: '{"theirs":1}' });
    },
  },
  {
    name: "update lets one of many with the same base through",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write());
      const all = Array.from({ length: 20 }, (_, n) =>
        store.update(update(session, base, new Process().write(), { payload: `{"n":${n}}` })),
      );
      const statuses = (await Promise.all(all)).map(({ status }) => status);
      assert.equal(statuses.filter((status) => status === "done").length, 1);
      assert.equal(statuses.filter((status) => status === "conflict").length, 19);
      assert.equal(found(await store.load(session)).record.version, 2);
    },
  },
  {
    name: "update never creates",
    run: async ({ store }) => {
      const session = newSession();
      const result = await store.update(update(session, { created: 1, version: 1 }, new Process().write()));
      assert.deepEqual(result, { status: "gone" });
      await isMissing(store, session);
    },
  },
  {
    name: "update refuses another token and another creation under the same selector",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write());
      const stranger = { ...newSession(), selector: session.selector };
      assert.deepEqual(await store.update(update(stranger, base, one.write())), { status: "gone" });
      const older = { created: base.created - 1, version: base.version };
      assert.deepEqual(await store.update(update(session, older, one.write())), { status: "gone" });
      assert.deepEqual(found(await store.load(session)).record, base);
    },
  },
  {
    name: "update recognises its own resend after another process wrote",
    run: async ({ store }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const base = await create(store, session, one.write());
      const mine = update(session, base, one.write(), { payload: '{"mine":1}' });
      assert.deepEqual(await store.update(mine), { status: "done", version: 2 });
      await store.update(update(session, { ...base, version: 2 }, two.write(), { payload: '{"mine":1,"theirs":1}' }));
      assert.deepEqual(await store.update(mine), { status: "done", version: 2 });
      assert.equal(found(await store.load(session)).record.payload, '{"mine":1,"theirs":1}');
    },
  },
  {
    name: "update is refused when a later write of its process is applied",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write());
      const late = update(session, base, one.write());
      await store.update(update(session, base, one.write(), { payload: '{"newer":1}' }));
      assert.deepEqual(await store.update(late), { status: "superseded" });
      assert.equal(found(await store.load(session)).record.payload, '{"newer":1}');
    },
  },
];
