import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { ForceParams } from "../locks/lock-store.js";
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

const why = '{"by":"ü | \u2028","reason":"stuck"}';
const admin = "admin";

/** Taking locks by force. */
export const forceCases: readonly LockStoreCase[] = [
  {
    name: "forceRelease hands the lock to the first that waits, and tells both",
    run: async (setting) => {
      const { store, listen, settle } = setting;
      const victim = new Instance().request(newName());
      const heard = await listen(victim.process);
      const { token, lastToken } = granted(await store.ask(victim, claim()));
      const [first] = await queue(setting, victim.name, 1);
      assert.ok(first !== undefined);
      const call = { ...force(victim.name), process: admin };
      assert.deepEqual(await store.forceRelease(call), { status: "done" });
      for (const { process } of [victim, first.request]) await settle(process);
      assert.deepEqual(heard.map(withoutKey), [
        `locks|lost|||${call.operation}|${victim.process}|${victim.number}|forced|${why}`,
      ]);
      assert.ok(readGranted(first.heard[0]).token > lastToken);
      const lost = await store.renew(victim, use(token));
      assert.ok(lost.status === "lost");
      assert.deepEqual(lost.force, { process: victim.process, number: victim.number, kind: "forced", why });
      assert.equal(lost.holder?.process, first.request.process);
      assert.deepEqual(await store.ask(victim, claim()), { status: "ended" });
    },
  },
  {
    name: "forceRelease a second time is done, and leaves whoever has the lock now alone",
    run: async ({ store }) => {
      const name = newName();
      await store.ask(new Instance().request(name), claim());
      const call = { ...force(name), process: admin };
      assert.deepEqual(await store.forceRelease(call), { status: "done" });
      const next = new Instance().request(name);
      granted(await store.ask(next, claim()));
      assert.deepEqual(await store.forceRelease(call), { status: "done" });
      assert.equal((await shape(store, name)).holder, next.process);
    },
  },
  {
    name: "forceRelease says when there is nothing to release, or another has it than expected",
    run: async ({ store }) => {
      const request = new Instance().request(newName());
      const call = { ...force(request.name), process: admin };
      assert.deepEqual(await store.forceRelease(call), { status: "free" });
      const { token } = granted(await store.ask(request, claim()));
      const changed = await store.forceRelease({ ...call, expected: token - 1 });
      assert.ok(changed.status === "changed");
      assert.deepEqual([changed.holder?.process, changed.holder?.token], [request.process, token]);
      assert.equal((await store.renew(request, use(token))).status, "renewed");
      assert.deepEqual(await store.forceRelease({ ...call, expected: token }), { status: "done" });
    },
  },
  {
    name: "forceRelease frees a lock that is kept",
    run: async ({ store }) => {
      const request = new Instance().request(newName());
      await store.ask(request, claim());
      await store.end(request, 3_600_000);
      assert.deepEqual(await store.forceRelease({ ...force(request.name), process: admin }), { status: "done" });
      granted(await store.ask(new Instance().request(request.name), claim()));
    },
  },
  {
    name: "steal gives the lock ahead of all who wait, and ends the victim's request",
    run: async (setting) => {
      const { store, listen, settle } = setting;
      const [victim, thief] = [new Instance().request(newName()), new Instance()];
      const heard = await listen(victim.process);
      const { token, lastToken } = granted(await store.ask(victim, claim()));
      const [first] = await queue(setting, victim.name, 1);
      assert.ok(first !== undefined);
      const [request, call] = [thief.request(victim.name), force(victim.name)];
      const stolen = granted(await store.steal(call, request, { lease: long, notes: '{"thief":1}' }));
      assert.ok(stolen.token > lastToken && stolen.lease > 20_000);
      await settle(victim.process);
      assert.deepEqual(heard.map(withoutKey), [
        `locks|lost|||${call.operation}|${victim.process}|${victim.number}|stolen|${why}`,
      ]);
      assert.deepEqual(await shape(store, victim.name), { holder: thief.process, waiters: [first.request.process] });
      assert.deepEqual(first.heard, []);
      const lost = await store.renew(victim, use(token));
      assert.ok(lost.status === "lost" && lost.force?.kind === "stolen" && lost.force.why === why);
      assert.deepEqual(await store.ask(victim, claim()), { status: "ended" });
      await store.end(victim, 0);
      assert.equal((await store.renew(request, use(stolen.token))).status, "renewed");
    },
  },
  {
    name: "steal a second time answers the same grant, or that its request has ended",
    run: async ({ store }) => {
      const [name, thief] = [newName(), new Instance()];
      await store.ask(new Instance().request(name), claim());
      const [request, call] = [thief.request(name), force(name)];
      const first = granted(await store.steal(call, request, mine));
      assert.equal(granted(await store.steal(call, request, mine)).token, first.token);
      await store.end(request, 0);
      assert.deepEqual(await store.steal(call, request, mine), { status: "ended" });
      const next = new Instance().request(name);
      granted(await store.ask(next, claim()));
      assert.deepEqual(await store.steal(call, request, mine), { status: "ended" });
      assert.equal((await shape(store, name)).holder, next.process);
    },
  },
  {
    name: "steal that comes after a newer request of its process gets nothing",
    run: async (setting) => {
      const { store, listen } = setting;
      const [name, one] = [newName(), new Instance()];
      const [late, wait, hold] = [one.request(name), one.request(name), one.request(name)];
      const holder = new Instance().request(name);
      await store.ask(holder, claim());
      await listen(one.process);
      waiting(await store.ask(wait, claim()));
      assert.deepEqual(await store.steal(force(name), late, mine), { status: "ended" });
      assert.equal((await shape(store, name)).holder, holder.process);
      granted(await store.steal(force(name), hold, mine));
      assert.deepEqual(await store.steal(force(name), wait, mine), { status: "ended" });
      assert.equal(granted(await store.ask(hold, claim())).lease > 20_000, true);
    },
  },
  {
    name: "steal takes the place from which its process waited; ending what it stole frees the lock",
    run: async ({ store }) => {
      const [name, one] = [newName(), new Instance()];
      await store.ask(new Instance().request(name), claim());
      const [before, after] = [one.request(name), one.request(name)];
      waiting(await store.ask(before, claim()));
      granted(await store.steal(force(name), after, mine));
      assert.deepEqual(await shape(store, name), { holder: one.process, waiters: [] });
      assert.deepEqual(await store.end(after, 0), { status: "ended" });
      assert.deepEqual(await shape(store, name), { holder: undefined, waiters: [] });
    },
  },
  {
    name: "steal of what the request has already is its grant, which it can end",
    run: async ({ store }) => {
      const request = new Instance().request(newName());
      const { token } = granted(await store.ask(request, claim()));
      assert.equal(granted(await store.steal(force(request.name), request, mine)).token, token);
      await store.end(request, 0);
      assert.deepEqual(await shape(store, request.name), { holder: undefined, waiters: [] });
    },
  },
  {
    name: "steal from whom it expects, and takes a lock that nobody has",
    run: async ({ store }) => {
      const [name, one] = [newName(), new Instance()];
      const nobody = await store.steal({ ...force(name), expected: 5 }, one.request(name), mine);
      assert.deepEqual(nobody, { status: "changed", holder: undefined });
      const { token } = granted(await store.steal(force(name), one.request(name), mine));
      const thief = new Instance().request(name);
      const refused = await store.steal({ ...force(name), expected: token + 1 }, thief, mine);
      assert.ok(refused.status === "changed" && refused.holder?.process === one.process);
      granted(await store.steal({ ...force(name), expected: token }, thief, mine));
    },
  },
];

const mine = { lease: long, notes: "{}" };

function force(name: string): ForceParams {
  return { name, operation: randomBytes(8).toString("base64url"), why, expected: undefined };
}

function use(token: number): { lease: number; token: number; held: number; notes: string } {
  return { lease: long, token, held: 0, notes: "{}" };
}

/** A letter names the lock by its key, on a line of its own. */
function withoutKey(letter: string): string {
  return letter.replace(/\|\|\|\S+\n/, "|||");
}
