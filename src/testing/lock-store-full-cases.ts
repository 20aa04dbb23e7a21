import assert from "node:assert/strict";
import type { LockRequest } from "../locks/lock-store.js";
import {
  claim,
  granted,
  Instance,
  long,
  newName,
  readGranted,
  waiting,
  type FillableLockStoreSetting,
} from "./lock-store-fixture.js";

const isFull = { code: "ERR_FLEET_STORAGE_FULL", status: 503 };
const register = { token: 5, process: "writer", sequence: 1, life: 0, value: "value" };

/** What holds while the storage is full. */
export const fullLockStoreCases: readonly {
  readonly name: string;
  readonly run: (setting: FillableLockStoreSetting) => Promise<void>;
}[] = [
  {
    name: "at full memory whoever is new is refused, and who has a lock renews it, ends it and hands it on",
    run: async (harness) => {
      const { store, listen, settle } = harness;
      const [name, holder, waiter] = [newName(), new Instance(), new Instance()];
      const [held, waits, stranger] = [holder.request(name), waiter.request(name), new Instance().request(name)];
      const heard = await listen(waiter.process);
      const { token } = granted(await store.ask(held, claim()));
      waiting(await store.ask(waits, claim()));
      await harness.fill();
      await assert.rejects(store.ask(stranger, claim()), isFull);
      await assert.rejects(store.ask(new Instance().request(newName()), claim()), isFull);
      await assert.rejects(store.write({ ...register, register: newName() }), isFull);
      // Who only looks stores nothing.
      waiting(await store.ask(new Instance().request(name), claim({ patience: 0 })));
      assert.equal(waiting(await store.ask(waits, claim())).position, 0);
      assert.equal((await store.renew(held, { lease: long, token, held: 0, notes: "{}" })).status, "renewed");
      assert.deepEqual(await store.end(held, 0), { status: "ended" });
      await settle(waiter.process);
      const letter = readGranted(heard[0]);
      assert.equal(granted(await store.ask(waits, claim())).token, letter.token);
      assert.deepEqual(await store.end(waits, 0), { status: "ended" });
      assert.equal((await store.inspect(name)).holder, undefined);
    },
  },
  {
    name: "at full memory locks are taken back, stolen, and asked for anew by who had them",
    run: async (harness) => {
      const { store, listen, settle } = harness;
      const [name, one, two] = [newName(), new Instance(), new Instance()];
      const heard = await listen(two.process);
      granted(await store.ask(one.request(name), claim()));
      waiting(await store.ask(two.request(name), claim()));
      await harness.fill();
      const force = { name, why: "{}", expected: undefined };
      assert.deepEqual(await store.forceRelease({ ...force, operation: "first", process: "x" }), { status: "done" });
      await settle(two.process);
      assert.equal(heard.length, 1);
      const mine = one.request(name);
      granted(await store.steal({ ...force, operation: "second" }, mine, { lease: long, notes: "{}" }));
      granted(await store.endAndAsk(mine, one.request(name).number, claim()));
    },
  },
  {
    name: "at full memory nobody is told of a grant that is not stored",
    run: async (harness) => {
      const { store, elapse, listen, settle } = harness;
      const [name, waiter] = [newName(), new Instance().request("")];
      const waits: LockRequest = { ...waiter, name };
      const heard = await listen(waits.process);
      granted(await store.ask(new Instance().request(name), claim({ lease: 300 })));
      waiting(await store.ask(waits, claim()));
      await elapse(320);
      await harness.fill();
      await assert.rejects(store.ask(new Instance().request(name), claim()), isFull);
      await assert.rejects(store.ask(new Instance().request(name), claim({ patience: 0 })), isFull);
      await settle(waits.process);
      assert.deepEqual(heard, []);
      assert.equal((await store.inspect(name)).holder, undefined);
      granted(await store.ask(waits, claim()));
    },
  },
];
