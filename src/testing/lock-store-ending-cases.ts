import assert from "node:assert/strict";
import type { LockStore } from "../locks/lock-store.js";
import {
  claim,
  granted,
  Instance,
  long,
  newName,
  queue,
  readGranted,
  shape,
  waiting,
  type LockStoreCase,
} from "./lock-store-fixture.js";

/** Ending requests. */
export const endingCases: readonly LockStoreCase[] = [
  {
    name: "end frees a lock for which nobody waits, and tells nobody",
    run: async ({ store, listen, settle }) => {
      const request = new Instance().request(newName());
      const heard = await listen(request.process);
      await store.ask(request, claim());
      assert.deepEqual(await store.end(request, 0), { status: "ended" });
      assert.deepEqual(await shape(store, request.name), { holder: undefined, waiters: [] });
      await settle(request.process);
      assert.deepEqual(heard, []);
      granted(await store.ask(new Instance().request(request.name), claim({ patience: 0 })));
    },
  },
  {
    name: "end is final: the same request, delivered late, gets nothing",
    run: async ({ store }) => {
      const request = new Instance().request(newName());
      const { token } = granted(await store.ask(request, claim()));
      await store.end(request, 0);
      assert.deepEqual(await store.ask(request, claim()), { status: "ended" });
      assert.deepEqual(await store.end(request, 0), { status: "ended" });
      assert.equal((await store.renew(request, use(token))).status, "lost");
      assert.deepEqual(await shape(store, request.name), { holder: undefined, waiters: [] });
    },
  },
  {
    name: "end of a request that never came keeps it out when it comes",
    run: async ({ store }) => {
      const request = new Instance().request(newName());
      await store.end(request, 0);
      assert.deepEqual(await store.ask(request, claim()), { status: "ended" });
    },
  },
  {
    name: "end remembers for ten seconds, however many others end",
    run: async ({ store }) => {
      const [name, request] = [newName(), new Instance().request("")];
      const first = { ...request, name };
      await store.ask(first, claim());
      await store.end(first, 0);
      for (let other = 0; other < 5; other += 1) {
        const next = new Instance().request(name);
        granted(await store.ask(next, claim()));
        await store.end(next, 0);
      }
      assert.deepEqual(await store.ask(first, claim()), { status: "ended" });
    },
  },
  {
    name: "end says whether there was anything to end",
    expires: true,
    once: true,
    run: async ({ store, elapse }) => {
      const name = newName();
      assert.deepEqual(await store.end(new Instance().request(name), 0), { status: "gone" });
      const late = new Instance().request(name);
      await store.ask(late, claim({ lease: 20 }));
      await elapse(40);
      assert.deepEqual(await store.end(late, 0), { status: "gone" });
    },
  },
  {
    name: "end of a wait gives up its place, and leaves the others theirs",
    run: async (setting) => {
      const { store, settle } = setting;
      const name = newName();
      const holder = new Instance().request(name);
      await store.ask(holder, claim());
      const [first, second, third] = await queue(setting, name, 3);
      assert.ok(first !== undefined && second !== undefined && third !== undefined);
      assert.deepEqual(await store.end(second.request, 0), { status: "ended" });
      assert.deepEqual((await shape(store, name)).waiters, [first.request.process, third.request.process]);
      assert.deepEqual(await store.end(first.request, 0), { status: "ended" });
      await store.end(holder, 0);
      await settle(third.request.process);
      assert.equal(readGranted(third.heard[0]).number, third.request.number);
      assert.deepEqual([...first.heard, ...second.heard], []);
    },
  },
  {
    name: "end of a grant that its process has not heard of hands the lock on",
    run: async (setting) => {
      const { store, settle } = setting;
      const name = newName();
      const holder = new Instance().request(name);
      await store.ask(holder, claim());
      const [first, second] = await queue(setting, name, 2);
      assert.ok(first !== undefined && second !== undefined);
      await store.end(holder, 0);
      assert.deepEqual(await store.end(first.request, 0), { status: "ended" });
      await settle(second.request.process);
      assert.equal(readGranted(second.heard[0]).number, second.request.number);
    },
  },
  {
    name: "end by another process, or of an older request, ends nothing",
    run: async ({ store }) => {
      const [name, one, other] = [newName(), new Instance(), new Instance()];
      const older = one.request(name);
      const newer = one.request(name);
      const { token } = granted(await store.ask(newer, claim()));
      await store.end(other.request(name), 0);
      await store.end(older, 0);
      assert.equal((await store.renew(newer, use(token))).status, "renewed");
    },
  },
  {
    name: "end gives four seconds to whoever is told by a letter, and the whole lease to who asks",
    run: async (setting) => {
      const { store, settle } = setting;
      const name = newName();
      const holder = new Instance().request(name);
      await store.ask(holder, claim());
      const [first] = await queue(setting, name, 1);
      assert.ok(first !== undefined);
      await store.end(holder, 0);
      await settle(first.request.process);
      const { lease, token } = readGranted(first.heard[0]);
      assert.equal(lease, 4_000);
      assert.ok(granted(await store.ask(first.request, claim())).lease <= 4_000);
      await store.renew(first.request, use(token));
      assert.ok(granted(await store.ask(first.request, claim())).lease > 20_000);
    },
  },
  {
    name: "end can keep the lock for a while, which then nobody gets",
    expires: true,
    run: async (setting) => {
      const { store, elapse } = setting;
      const name = newName();
      const holder = new Instance().request(name);
      await store.ask(holder, claim());
      const [first] = await queue(setting, name, 1);
      assert.ok(first !== undefined);
      assert.deepEqual(await store.end(holder, 500), { status: "ended" });
      const blocked = waiting(await store.ask(first.request, claim()));
      assert.equal(blocked.holder?.process, "");
      assert.ok(blocked.left > 0 && blocked.left <= 500, `${blocked.left}`);
      assert.deepEqual(first.heard, []);
      await elapse(520);
      granted(await store.ask(first.request, claim()));
    },
  },
  {
    name: "endAndAsk asks anew behind all who wait",
    run: async (setting) => {
      const { store, settle } = setting;
      const [name, one] = [newName(), new Instance()];
      const [before, after] = [one.request(name), one.request(name)];
      await store.ask(before, claim());
      const [first, second] = await queue(setting, name, 2);
      assert.ok(first !== undefined && second !== undefined);
      const result = waiting(await store.endAndAsk(before, after.number, claim()));
      assert.equal(result.holder?.process, first.request.process);
      await settle(first.request.process);
      assert.equal(readGranted(first.heard[0]).number, first.request.number);
      assert.deepEqual((await shape(store, name)).waiters, [second.request.process, one.process]);
      assert.deepEqual(await store.ask(before, claim()), { status: "ended" });
      waiting(await store.ask(after, claim()));
    },
  },
  {
    name: "endAndAsk gets the lock again, with new tokens, where nobody waits",
    run: async ({ store }) => {
      const [name, one] = [newName(), new Instance()];
      const [before, after] = [one.request(name), one.request(name)];
      const first = granted(await store.ask(before, claim()));
      const second = granted(await store.endAndAsk(before, after.number, claim()));
      assert.ok(second.token > first.lastToken);
      assert.equal((await store.renew(before, use(first.token))).status, "lost");
      assert.equal((await store.renew(after, use(second.token))).status, "renewed");
    },
  },
  {
    name: "endAndAsk gets nothing for a request that has ended meanwhile",
    run: async ({ store }) => {
      const [name, one] = [newName(), new Instance()];
      const [before, after] = [one.request(name), one.request(name)];
      await store.ask(before, claim());
      await store.endAndAsk(before, after.number, claim());
      await store.end(after, 0);
      assert.deepEqual(await store.endAndAsk(before, after.number, claim()), { status: "ended" });
      assert.deepEqual(await shape(store, name), { holder: undefined, waiters: [] });
    },
  },
];

/** Renewing. */
export const renewingCases: readonly LockStoreCase[] = [
  {
    name: "renew extends a lease, and never shortens it",
    once: true,
    run: async ({ store }) => {
      const request = new Instance().request(newName());
      const { token } = granted(await store.ask(request, claim({ lease: 10_000 })));
      const renewed = await store.renew(request, { ...use(token), lease: 25_000 });
      assert.ok(renewed.status === "renewed");
      const until = await end(store, request.name);
      assert.ok(until >= renewed.now + 25_000, `${until - renewed.now}`);
      assert.equal((await store.renew(request, { ...use(token), lease: 1_000 })).status, "renewed");
      assert.equal(await end(store, request.name), until);
    },
  },
  {
    name: "renew notes who of the process has the lock, and since when",
    run: async ({ store, elapse }) => {
      const request = new Instance().request(newName());
      const { token, now: begin } = granted(await store.ask(request, claim()));
      await elapse(300);
      const passed = { lease: long, token: token + 3, held: 100, notes: '{"who":"ü|"}' };
      const renewed = await store.renew(request, passed);
      assert.ok(renewed.status === "renewed");
      const { holder } = await store.inspect(request.name);
      assert.ok(holder !== undefined && holder.since > begin && holder.since <= renewed.now - 100);
      assert.deepEqual([holder.token, holder.notes], [token + 3, '{"who":"ü|"}']);
      // What was sent for the one before comes late.
      assert.equal((await store.renew(request, use(token))).status, "renewed");
      const after = (await store.inspect(request.name)).holder;
      assert.deepEqual([after?.token, after?.notes, after?.since], [token + 3, '{"who":"ü|"}', holder.since]);
    },
  },
  {
    name: "renew of a lock that another has says who, and extends nothing",
    run: async ({ store }) => {
      const [name, one, other] = [newName(), new Instance(), new Instance()];
      const [before, holder] = [one.request(name), other.request(name)];
      const { token } = granted(await store.ask(before, claim()));
      await store.end(before, 0);
      const grant = granted(await store.ask(holder, claim()));
      const until = await end(store, name);
      const lost = await store.renew(before, { ...use(token), lease: 60_000 });
      assert.ok(lost.status === "lost");
      assert.deepEqual([lost.holder?.process, lost.holder?.token, lost.force], [other.process, grant.token, undefined]);
      assert.equal(await end(store, name), until);
    },
  },
  {
    name: "renew does not bring back a lease that is over, even where nobody has taken it",
    expires: true,
    run: async ({ store, elapse }) => {
      const request = new Instance().request(newName());
      const { token } = granted(await store.ask(request, claim({ lease: 20 })));
      await elapse(40);
      assert.deepEqual(await store.renew(request, use(token)), { status: "lost", holder: undefined, force: undefined });
      assert.equal((await store.inspect(request.name)).holder, undefined);
    },
  },
  {
    name: "renew takes no token of an older grant of the same request",
    expires: true,
    run: async ({ store, elapse }) => {
      const [request, other] = [new Instance().request(newName()), new Instance()];
      const first = granted(await store.ask(request, claim({ lease: 20 })));
      await elapse(40);
      const between = other.request(request.name);
      granted(await store.ask(between, claim()));
      await store.end(between, 0);
      const second = granted(await store.ask(request, claim()));
      const until = await end(store, request.name);
      assert.equal((await store.renew(request, { ...use(first.lastToken), lease: 25_000 })).status, "lost");
      assert.equal(await end(store, request.name), until);
      assert.equal((await store.renew(request, use(second.token))).status, "renewed");
    },
  },
  {
    name: "renew leaves a lock that is kept for longer as it is",
    run: async ({ store, elapse }) => {
      const request = new Instance().request(newName());
      const { token } = granted(await store.ask(request, claim()));
      await store.end(request, 3_600_000);
      const until = await end(store, request.name);
      assert.equal((await store.renew(request, use(token))).status, "lost");
      await elapse(5);
      assert.equal(await end(store, request.name), until);
    },
  },
];

function use(token: number): { lease: number; token: number; held: number; notes: string } {
  return { lease: long, token, held: 0, notes: "{}" };
}

async function end(store: LockStore, name: string): Promise<number> {
  return (await store.inspect(name)).holder?.until ?? 0;
}
