import assert from "node:assert/strict";
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

/** Asking for a lock, and asking again. */
export const askingCases: readonly LockStoreCase[] = [
  {
    name: "ask grants a lock that nobody has, and inspect shows who has it",
    run: async ({ store }) => {
      const request = new Instance().request(newName());
      assert.deepEqual(await shape(store, request.name), { holder: undefined, waiters: [] });
      const grant = granted(await store.ask(request, claim()));
      assert.equal(grant.lastToken, grant.token + 15);
      assert.ok(Number.isSafeInteger(grant.token) && grant.token > 0, `${grant.token}`);
      assert.ok(grant.lease <= long && grant.lease > long - 10_000, `${grant.lease}`);
      const { now, holder, waiters } = await store.inspect(request.name);
      assert.ok(holder !== undefined && now >= grant.now);
      const { process, token, notes, since, until } = holder;
      assert.deepEqual([process, token, notes], [request.process, grant.token, '{"reason":"test"}']);
      assert.ok(since <= grant.now && until > now && until <= now + long);
      assert.deepEqual(waiters, []);
    },
  },
  {
    name: "ask again answers the same grant, with what is left of it",
    run: async ({ store, elapse }) => {
      const request = new Instance().request(newName());
      const first = granted(await store.ask(request, claim()));
      await elapse(20);
      const second = granted(await store.ask(request, claim()));
      assert.deepEqual([second.token, second.lastToken], [first.token, first.lastToken]);
      assert.ok(second.lease < first.lease, `${second.lease} after ${first.lease}`);
    },
  },
  {
    name: "ask waits behind whoever has the lock, who hands it on in the order of coming, each time to one",
    run: async (setting) => {
      const { store, settle } = setting;
      const name = newName();
      let holder = new Instance().request(name);
      let { lastToken } = granted(await store.ask(holder, claim()));
      const waiters = await queue(setting, name, 3);
      const blocked = waiting(await store.ask(new Instance().request(name), claim({ patience: 0 })));
      assert.ok(blocked.holder?.process === holder.process && blocked.left > 0 && !blocked.isGuarded);
      for (const [place, { request, heard }] of waiters.entries()) {
        assert.deepEqual(await store.end(holder, 0), { status: "ended" });
        for (const waiter of waiters) await settle(waiter.request.process);
        assert.equal(heard.length, 1);
        const letter = readGranted(heard[0]);
        assert.ok(letter.number === request.number && letter.token > lastToken);
        assert.equal(waiters.flatMap((waiter) => waiter.heard).length, place + 1);
        assert.equal((await shape(store, name)).holder, request.process);
        ({ lastToken } = letter);
        holder = request;
      }
    },
  },
  {
    name: "ask again keeps the place, and finds a grant whose letter was missed",
    run: async (setting) => {
      const { store, settle } = setting;
      const name = newName();
      const holder = new Instance().request(name);
      await store.ask(holder, claim());
      const [first, second] = await queue(setting, name, 2);
      assert.ok(first !== undefined && second !== undefined);
      assert.equal(waiting(await store.ask(first.request, claim())).position, 0);
      assert.equal(waiting(await store.ask(second.request, claim())).position, 1);
      await store.end(holder, 0);
      await settle(first.request.process);
      const found = granted(await store.ask(first.request, claim()));
      const letter = readGranted(first.heard[0]);
      assert.deepEqual([found.token, found.lastToken], [letter.token, letter.lastToken]);
      assert.deepEqual(await shape(store, name), { holder: first.request.process, waiters: [second.request.process] });
    },
  },
  {
    name: "ask passes over the first waiter once its patience is over",
    expires: true,
    run: async (setting) => {
      const { store, elapse, listen, settle } = setting;
      const name = newName();
      const holder = new Instance().request(name);
      await store.ask(holder, claim());
      const [dead, living] = [new Instance().request(name), new Instance().request(name)];
      const [ofDead, ofLiving] = [await listen(dead.process), await listen(living.process)];
      waiting(await store.ask(dead, claim({ patience: 20 })));
      waiting(await store.ask(living, claim()));
      await elapse(40);
      // Who comes now is behind one that lives, not behind one that is gone.
      assert.equal(waiting(await store.ask(new Instance().request(name), claim())).position, 1);
      await store.end(holder, 0);
      for (const { process } of [dead, living]) await settle(process);
      assert.deepEqual(ofDead, []);
      assert.equal(readGranted(ofLiving[0]).number, living.number);
      assert.equal((await shape(store, name)).holder, living.process);
    },
  },
  {
    name: "ask again takes the lock from a holder whose lease is over; another's asking hands it to the first",
    expires: true,
    run: async (setting) => {
      const { store, elapse, settle } = setting;
      const name = newName();
      const late = new Instance().request(name);
      const { lastToken } = granted(await store.ask(late, claim({ lease: 500 })));
      const [first, second] = await queue(setting, name, 2, { lease: 500 });
      assert.ok(first !== undefined && second !== undefined);
      await elapse(520);
      const taken = granted(await store.ask(first.request, claim({ lease: 500 })));
      assert.ok(taken.token > lastToken && taken.lease <= 500);
      assert.equal((await store.renew(late, use(lastToken))).status, "lost");
      await elapse(520);
      const third = new Instance().request(name);
      const behind = waiting(await store.ask(third, claim()));
      assert.equal(behind.holder?.process, second.request.process);
      await settle(second.request.process);
      assert.ok(readGranted(second.heard[0]).token > taken.lastToken);
      assert.deepEqual(first.heard, []);
    },
  },
  {
    name: "ask without patience neither waits nor overtakes those who do",
    expires: true,
    run: async (setting) => {
      const { store, elapse, settle } = setting;
      const [name, passer] = [newName(), new Instance()];
      await store.ask(new Instance().request(name), claim({ lease: 500 }));
      const [first] = await queue(setting, name, 1);
      assert.ok(first !== undefined);
      assert.equal(waiting(await store.ask(passer.request(name), claim({ patience: 0 }))).position, undefined);
      assert.deepEqual((await shape(store, name)).waiters, [first.request.process]);
      await elapse(520);
      const refused = waiting(await store.ask(passer.request(name), claim({ patience: 0 })));
      assert.equal(refused.holder?.process, first.request.process);
      await settle(first.request.process);
      assert.equal(readGranted(first.heard[0]).number, first.request.number);
      assert.deepEqual(await shape(store, name), { holder: first.request.process, waiters: [] });
    },
  },
  {
    name: "ask without patience gets a lock that is free, and one whose waiters are all gone",
    expires: true,
    run: async ({ store, elapse }) => {
      const [name, passer] = [newName(), new Instance()];
      await store.ask(new Instance().request(name), claim({ lease: 20 }));
      await store.ask(new Instance().request(name), claim({ lease: 20, patience: 20 }));
      await elapse(40);
      granted(await store.ask(passer.request(name), claim({ patience: 0 })));
      assert.deepEqual(await shape(store, name), { holder: passer.process, waiters: [] });
    },
  },
  {
    name: "ask with a newer request ends what its process had, and an older one is too late",
    run: async ({ store }) => {
      const [name, one] = [newName(), new Instance()];
      const [older, newer] = [one.request(name), one.request(name)];
      const first = granted(await store.ask(older, claim()));
      const second = granted(await store.ask(newer, claim()));
      assert.ok(second.token > first.lastToken);
      assert.equal((await store.renew(older, use(first.token))).status, "lost");
      assert.deepEqual(await store.ask(older, claim()), { status: "ended" });
      await store.end(older, 0);
      assert.equal(granted(await store.ask(newer, claim())).token, second.token);
    },
  },
  {
    name: "ask with a newer request gives up the place of the older one, which is too late then",
    run: async (setting) => {
      const { store, listen } = setting;
      const [name, one] = [newName(), new Instance()];
      await store.ask(new Instance().request(name), claim());
      const [older, newer] = [one.request(name), one.request(name)];
      await listen(one.process);
      waiting(await store.ask(older, claim()));
      const other = new Instance().request(name);
      waiting(await store.ask(other, claim()));
      assert.equal(waiting(await store.ask(newer, claim())).position, 1);
      assert.deepEqual(await store.ask(older, claim()), { status: "ended" });
      await store.end(older, 0);
      assert.deepEqual((await shape(store, name)).waiters, [other.process, one.process]);
    },
  },
  {
    name: "ask gives tokens that rise with every grant, also when all else is forgotten",
    expires: true,
    run: async ({ store, plant, elapse }) => {
      const [name, one, two] = [newName(), new Instance(), new Instance()];
      let last = 0;
      for (const instance of [one, two, one, two]) {
        const request = instance.request(name);
        const { token, lastToken } = granted(await store.ask(request, claim()));
        assert.ok(token > last && lastToken === token + 15, `${token} after ${last}`);
        last = lastToken;
        await store.end(request, 0);
      }
      await elapse(2);
      await plant(name, undefined);
      assert.ok(granted(await store.ask(two.request(name), claim())).token > last);
    },
  },
  {
    name: "ask gives tokens above the last one that is stored, whatever the clock says",
    run: async ({ store, plant }) => {
      const [long, short] = [newName(), newName()];
      const instance = new Instance();
      await plant(long, "1||7|8000000000000000|8000000000000000|0|0|\n\n\n");
      await plant(short, `0|8000000000000000|${instance.process}:0:1,\n`);
      for (const name of [long, short])
        assert.equal(granted(await store.ask(instance.request(name), claim())).token, 8_000_000_000_000_016);
    },
  },
  {
    name: "ask takes names and notes of any characters",
    run: async (setting) => {
      const { store, listen, settle } = setting;
      const strange = 'ü|{}[]*?^\\"%,:\r\n\t\u0000\u2028 🦊';
      const notes = JSON.stringify({ reason: `${strange}${"x".repeat(1000)}` });
      const name = `${newName()}${strange}`;
      const [one, two] = [new Instance().request(name), new Instance().request(name)];
      granted(await store.ask(one, claim({ notes })));
      await listen(two.process);
      assert.equal(waiting(await store.ask(two, claim({ notes }))).holder?.notes, notes);
      assert.equal((await store.inspect(name)).waiters[0]?.notes, notes);
      await store.end(one, 0);
      await settle(two.process);
      assert.equal((await store.inspect(name)).holder?.notes, notes);
      assert.deepEqual(await shape(store, `${name} `), { holder: undefined, waiters: [] });
    },
  },
];

function use(token: number): { lease: number; token: number; held: number; notes: string } {
  return { lease: long, token, held: 0, notes: "{}" };
}
