import assert from "node:assert/strict";
import {
  cookie,
  create,
  done,
  found,
  idle,
  isMissing,
  newSession,
  other,
  Process,
  put,
  textOf,
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
      const { record, remaining } = found(await store.load(session));
      const { token } = session;
      const { created, version } = result;
      assert.ok(Number.isSafeInteger(version) && version > 0, `${version}`);
      const expected = {
        version,
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
      assert.ok(second.version > first.version, `${second.version} after ${first.version}`);
      const { version } = second;
      assert.deepEqual(second, { ...first, version, idle: 30_000, cookie: other, payload: '{"b":1}' });
      assert.ok(found(await store.load(session)).remaining <= 30_000);
    },
  },
  {
    name: "put recognises its own resend after another process wrote",
    run: async ({ store }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const first = put(session, one.write());
      const { created, version } = await create(store, session, first.write);
      done(await store.update(update(session, { created, version }, two.write())));
      assert.deepEqual(await store.put(first), { status: "done", version, created });
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
      const version = done(await store.update(update(session, base, one.write())));
      assert.ok(version > base.version, `${version} after ${base.version}`);
      assert.deepEqual(found(await store.load(session)).record, { ...base, version, payload: '{"a":2}' });
    },
  },
  {
    name: "update replaces cookie and idle time and keeps the payload",
    run: async ({ store }) => {
      const [session, one] = [newSession(), new Process()];
      const base = await create(store, session, one.write());
      const changes = { idle: 20_000, cookie: other, payload: undefined };
      const version = done(await store.update(update(session, base, one.write(), changes)));
      assert.ok(version > base.version, `${version} after ${base.version}`);
      const { record, remaining } = found(await store.load(session));
      assert.deepEqual(record, { ...base, version, idle: 20_000, cookie: other });
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
      const version = done(await store.update(update(session, base, two.write(), { payload: '{"theirs":1}' })));
      const theirs = { ...base, version, payload: '{"theirs":1}' };
      const result = await store.update(update(session, base, one.write(), { payload: '{"mine":1}' }));
      assert.deepEqual(result, { status: "conflict", record: theirs });
      assert.deepEqual(found(await store.load(session)).record, theirs);
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
      const results = await Promise.all(all);
      const [through, ...more] = results.filter(({ status }) => status === "done");
      assert.ok(through !== undefined && more.length === 0, JSON.stringify(results));
      assert.equal(results.filter(({ status }) => status === "conflict").length, 19);
      const { version, payload } = found(await store.load(session)).record;
      assert.equal(version, done(through));
      assert.equal(payload, `{"n":${results.indexOf(through)}}`);
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
      const version = done(await store.update(mine));
      assert.ok(version > base.version, `${version} after ${base.version}`);
      const both = { payload: '{"mine":1,"theirs":1}' };
      const next = done(await store.update(update(session, { ...base, version }, two.write(), both)));
      assert.ok(next > version, `${next} after ${version}`);
      assert.deepEqual(await store.update(mine), { status: "done", version });
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
  {
    name: "update on a write that a failover lost spares what another process wrote in its place",
    run: async ({ store, elapse, plant }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const first = one.write();
      const base = await create(store, session, first);
      await elapse(5);
      const lost = done(await store.update(update(session, base, one.write(), { payload: '{"lost":1}' })));
      await elapse(5);
      await plant(session.selector, textOf(base, first));
      const version = done(await store.update(update(session, base, two.write(), { payload: '{"theirs":1}' })));
      const theirs = { ...base, version, payload: '{"theirs":1}' };
      const late = update(session, { ...base, version: lost }, one.write(), { payload: '{"lost":1,"more":1}' });
      assert.deepEqual(await store.update(late), { status: "conflict", record: theirs });
      assert.deepEqual(found(await store.load(session)).record, theirs);
    },
  },
  {
    name: "update on what was destroyed and created again at once is not applied",
    run: async ({ store }) => {
      const [session, one, two] = [newSession(), new Process(), new Process()];
      const former = await create(store, session, one.write());
      assert.equal((await store.destroy({ ...session, write: one.write() })).status, "done");
      const again = await create(store, session, two.write(), { payload: '{"again":1}' });
      assert.notEqual(again.version, former.version);
      const { status } = await store.update(update(session, former, one.write()));
      assert.ok(status === "gone" || status === "conflict", status);
      assert.deepEqual(found(await store.load(session)).record, again);
    },
  },
];
