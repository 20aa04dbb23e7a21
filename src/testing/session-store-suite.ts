import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { LoadResult, SessionStore } from "../sessions/session-store.js";
import { sessionStoreCases } from "./session-store-cases.js";
import type { SessionStoreSetting } from "./session-store-fixture.js";

/** A fresh store in a namespace of its own, and its end. */
export interface SessionStoreHarness extends SessionStoreSetting {
  readonly close: () => Promise<void>;
}

/** A harness whose storage can be filled. */
export interface FillableSessionStoreHarness extends SessionStoreHarness {
  /** From now on the storage refuses what creates data. */
  readonly fill: () => Promise<void>;
  /** Ends that. */
  readonly drain: () => Promise<void>;
}

/** Where the suite registers its cases. */
export interface SessionStoreSuiteOptions<Harness extends SessionStoreHarness = SessionStoreHarness> {
  readonly test: (name: string, run: () => Promise<void>) => void;
  readonly createStore: () => Promise<Harness>;
}

/**
 * The conformance suite of the session port; unstable, it grows with the port.
 *
 * Each case runs as it is, with every reply lost once (each call is delivered twice and the second answer counts), and
 * with every write delivered again after each later call.
 */
export function sessionStoreSuite({ test, createStore }: SessionStoreSuiteOptions): void {
  const variants = [
    { suffix: "", wrap: (store: SessionStore) => store, fits: () => true },
    { suffix: ", each reply lost once", wrap: deliverTwice, fits: () => true },
    { suffix: ", each write delivered again late", wrap: deliverLate, fits: (expires: boolean) => !expires },
  ];
  for (const { name, expires = false, run } of sessionStoreCases) {
    for (const { suffix, wrap, fits } of variants) {
      if (!fits(expires)) continue;
      test(`${name}${suffix}`, async () => {
        const harness = await createStore();
        try {
          await run({ store: wrap(harness.store), elapse: harness.elapse, plant: harness.plant });
        } finally {
          await harness.close();
        }
      });
    }
  }
}

/** What the port promises while its storage is full: creating and updating is refused, the rest works. */
export function fullSessionStoreSuite({
  test,
  createStore,
}: SessionStoreSuiteOptions<FillableSessionStoreHarness>): void {
  const session = { selector: randomBytes(16).toString("base64url"), token: randomBytes(32).toString("base64url") };
  const processId = "full-memory";
  const values = { idle: 60_000, absolute: 0, cookie: "{}", payload: '{"a":1}' };
  const isFull = { code: "ERR_FLEET_STORAGE_FULL", status: 503 };

  test("put and update are refused at full memory; load, touch and destroy work, and a late create stays out", async () => {
    const harness = await createStore();
    const { store } = harness;
    try {
      const created = await store.put({ ...session, ...values, write: { processId, sequence: 2 } });
      assert.ok(created.status === "done");
      await harness.fill();
      const stranger = { ...session, selector: randomBytes(16).toString("base64url") };
      await assert.rejects(store.put({ ...stranger, ...values, write: { processId, sequence: 3 } }), isFull);
      await assert.rejects(store.put({ ...session, ...values, write: { processId, sequence: 4 } }), isFull);
      const update = {
        ...session,
        idle: 60_000,
        created: created.created,
        baseVersion: created.version,
        cookie: undefined,
        payload: '{"a":2}',
      };
      await assert.rejects(store.update({ ...update, write: { processId, sequence: 5 } }), isFull);
      const loaded = await store.load(session);
      assert.ok(loaded.status === "found" && loaded.record.payload === '{"a":1}');
      assert.equal(loaded.record.version, created.version);
      // A resend of what was applied before the storage filled creates nothing, and must not be refused.
      assert.equal((await store.put({ ...session, ...values, write: { processId, sequence: 2 } })).status, "done");
      await harness.elapse(100);
      assert.equal((await store.touch(session)).status, "done");
      assert.equal((await store.destroy({ ...session, write: { processId, sequence: 6 } })).status, "done");
      assert.equal((await store.load(session)).status, "missing");
      assert.equal((await store.destroy({ ...stranger, write: { processId, sequence: 7 } })).status, "gone");
      await harness.drain();
      assert.equal((await store.put({ ...session, ...values, write: { processId, sequence: 2 } })).status, "gone");
      assert.equal((await store.put({ ...stranger, ...values, write: { processId, sequence: 3 } })).status, "gone");
      assert.equal((await store.put({ ...session, ...values, write: { processId, sequence: 8 } })).status, "done");
    } finally {
      await harness.drain();
      await harness.close();
    }
  });
}

/** Every call reaches the store twice, and only the second answer comes back. */
function deliverTwice(store: SessionStore): SessionStore {
  const twice = async <T>(call: () => Promise<T>): Promise<T> => {
    await call();
    return call();
  };
  return {
    load: (params) => twice(() => store.load(params)),
    put: (params) => twice(() => store.put(params)),
    update: (params) => twice(() => store.update(params)),
    touch: (params) => twice(() => store.touch(params)),
    destroy: (params) => twice(() => store.destroy(params)),
  };
}

/** After every call all earlier writes are delivered again, and must change nothing. */
function deliverLate(store: SessionStore): SessionStore {
  const earlier: { readonly selector: string; readonly call: () => Promise<unknown> }[] = [];
  const redeliver = async (): Promise<void> => {
    for (const { selector, call } of earlier) {
      const before = await store.load({ selector });
      await call();
      assert.deepEqual(
        withoutRemaining(await store.load({ selector })),
        withoutRemaining(before),
        "a late write had an effect",
      );
    }
  };
  const late = async <T>(selector: string, call: () => Promise<T>): Promise<T> => {
    const result = await call();
    await redeliver();
    earlier.push({ selector, call });
    return result;
  };
  return {
    load: async (params) => {
      await redeliver();
      return store.load(params);
    },
    put: (params) => late(params.selector, () => store.put(params)),
    update: (params) => late(params.selector, () => store.update(params)),
    touch: (params) => late(params.selector, () => store.touch(params)),
    destroy: (params) => late(params.selector, () => store.destroy(params)),
  };
}

function withoutRemaining(result: LoadResult): unknown {
  return result.status === "found" ? { status: result.status, record: result.record } : result;
}
