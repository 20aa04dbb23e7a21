import assert from "node:assert/strict";
import type { LockStore } from "../locks/lock-store.js";
import { lockStoreCases } from "./lock-store-cases.js";
import type { FillableLockStoreSetting, LockStoreSetting } from "./lock-store-fixture.js";
import { fullLockStoreCases } from "./lock-store-full-cases.js";

/** A fresh store in a namespace of its own, and its end. */
export interface LockStoreHarness extends LockStoreSetting {
  readonly close: () => Promise<void>;
}

/** A harness whose storage can be filled. */
export interface FillableLockStoreHarness extends LockStoreHarness, FillableLockStoreSetting {}

/** Where the suite registers its cases. */
export interface LockStoreSuiteOptions<Harness extends LockStoreHarness = LockStoreHarness> {
  readonly test: (name: string, run: () => Promise<void>) => void;
  readonly createStore: () => Promise<Harness>;
  /** Calls are delivered again below the store: the suite does not, and leaves out what only a first delivery can answer. */
  readonly resends?: boolean;
}

/**
 * The conformance suite of the lock port; unstable, it grows with the port.
 *
 * Each case runs as it is, with every reply lost once (each call is delivered twice and the second answer counts), and
 * with every write delivered again after each later call.
 */
export function lockStoreSuite({ test, createStore, resends = false }: LockStoreSuiteOptions): void {
  for (const { name, expires = false, once = false, run } of lockStoreCases) {
    const variants = [
      { suffix: "", wrap: (store: LockStore) => store, fits: !once || !resends },
      { suffix: ", each reply lost once", wrap: deliverTwice, fits: !once && !resends },
      { suffix: ", each write delivered again late", wrap: deliverLate, fits: !once && !expires && !resends },
    ];
    for (const { suffix, wrap, fits } of variants) {
      if (!fits) continue;
      test(`${name}${suffix}`, async () => {
        const harness = await createStore();
        try {
          await run({ ...harness, store: wrap(harness.store) });
        } finally {
          await harness.close();
        }
      });
    }
  }
}

/** What the port promises while its storage is full: who is new is refused, and nobody hears of a grant that is not stored. */
export function fullLockStoreSuite({ test, createStore }: LockStoreSuiteOptions<FillableLockStoreHarness>): void {
  for (const { name, run } of fullLockStoreCases) {
    test(name, async () => {
      const harness = await createStore();
      try {
        await run(harness);
      } finally {
        await harness.drain();
        await harness.close();
      }
    });
  }
}

/** Every call reaches the store twice, and only the second answer comes back. */
function deliverTwice(store: LockStore): LockStore {
  const twice = async <T>(call: () => Promise<T>): Promise<T> => {
    await call();
    return call();
  };
  return {
    ask: (...params) => twice(() => store.ask(...params)),
    end: (...params) => twice(() => store.end(...params)),
    endAndAsk: (...params) => twice(() => store.endAndAsk(...params)),
    renew: (...params) => twice(() => store.renew(...params)),
    forceRelease: (...params) => twice(() => store.forceRelease(...params)),
    steal: (...params) => twice(() => store.steal(...params)),
    inspect: (...params) => twice(() => store.inspect(...params)),
    write: (...params) => twice(() => store.write(...params)),
    read: (...params) => twice(() => store.read(...params)),
  };
}

/** After every call all earlier ones that had an effect are delivered again, and must change nothing. */
function deliverLate(store: LockStore): LockStore {
  const earlier: { readonly stateOf: () => Promise<unknown>; readonly call: () => Promise<unknown> }[] = [];
  const late = async <T>(stateOf: () => Promise<unknown>, call: () => Promise<T>): Promise<T> => {
    const result = await call();
    for (const former of earlier) {
      const before = await former.stateOf();
      await former.call();
      assert.deepEqual(await former.stateOf(), before, "a late call had an effect");
    }
    if (!isRefusal(result)) earlier.push({ stateOf, call });
    return result;
  };
  const ofLock = (name: string) => async (): Promise<unknown> => {
    const { holder, waiters } = await store.inspect(name);
    // A renewal that comes late extends the lease of who has it.
    return { holder: holder && { ...holder, until: 0 }, waiters };
  };
  return {
    ask: (request, ...rest) => late(ofLock(request.name), () => store.ask(request, ...rest)),
    end: (request, ...rest) => late(ofLock(request.name), () => store.end(request, ...rest)),
    endAndAsk: (request, ...rest) => late(ofLock(request.name), () => store.endAndAsk(request, ...rest)),
    renew: (request, ...rest) => late(ofLock(request.name), () => store.renew(request, ...rest)),
    forceRelease: (params) => late(ofLock(params.name), () => store.forceRelease(params)),
    steal: (params, ...rest) => late(ofLock(params.name), () => store.steal(params, ...rest)),
    inspect: (name) => store.inspect(name),
    write: (params) =>
      late(
        () => store.read(params.register),
        () => store.write(params),
      ),
    read: (register) => store.read(register),
  };
}

/** A call that was refused leaves nothing by which it would be known again; its caller has given it up. */
function isRefusal(result: unknown): boolean {
  const { status, position } = result as { readonly status: string; readonly position?: number };
  return status === "free" || status === "changed" || (status === "waiting" && position === undefined);
}
