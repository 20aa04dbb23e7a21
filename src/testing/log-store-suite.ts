import assert from "node:assert/strict";
import type { LogStore } from "../feed/log-store.js";
import { appendingCases } from "./log-store-appending-cases.js";
import { append, begin, follow, newOperation, page, type LogStoreSetting } from "./log-store-fixture.js";
import { followingCases } from "./log-store-following-cases.js";
import { forkingCases } from "./log-store-forking-cases.js";

/** A store and a log that nobody has used, and its end. */
export interface LogStoreHarness extends LogStoreSetting {
  readonly close: () => Promise<void>;
}

/** A harness whose storage can be filled. */
export interface FillableLogStoreHarness extends LogStoreHarness {
  /** From now on the storage refuses what creates data. */
  readonly fill: () => Promise<void>;
  /** Ends that. */
  readonly drain: () => Promise<void>;
}

/** Where the suite registers its cases. */
export interface LogStoreSuiteOptions<Harness extends LogStoreHarness = LogStoreHarness> {
  readonly test: (name: string, run: () => Promise<void>) => void;
  readonly createStore: () => Promise<Harness>;
}

/**
 * The conformance suite of the port of logs; unstable, it grows with the port.
 *
 * Each case runs as it is, with every reply lost once (each call is delivered twice and the second answer counts), and
 * with every write delivered again after each later call.
 */
export function logStoreSuite({ test, createStore }: LogStoreSuiteOptions): void {
  const variants = [
    { suffix: "", wrap: (setting: LogStoreSetting) => setting.store, fits: () => true },
    { suffix: ", each reply lost once", wrap: deliverTwice, fits: () => true },
    { suffix: ", each write delivered again late", wrap: deliverLate, fits: (loses: boolean) => !loses },
  ];
  for (const { name, loses = false, run } of [...appendingCases, ...followingCases, ...forkingCases]) {
    for (const { suffix, wrap, fits } of variants) {
      if (!fits(loses)) continue;
      test(`${name}${suffix}`, async () => {
        const harness = await createStore();
        try {
          await run({ ...harness, store: wrap(harness) });
        } finally {
          await harness.close();
        }
      });
    }
  }
}

/** What the port promises while its storage is full: appending is refused, following goes on. */
export function fullLogStoreSuite({ test, createStore }: LogStoreSuiteOptions<FillableLogStoreHarness>): void {
  const isFull = { code: "ERR_FLEET_STORAGE_FULL", status: 503 };

  test("append is refused at full memory, unless it is a resend; sync begins, follows and puts up fences", async () => {
    const harness = await createStore();
    const { store, log } = harness;
    try {
      await harness.fill();
      const start = await begin(harness);
      await harness.drain();
      const rewind = await harness.keep();
      const entry = await append(harness, start.position, "before");
      const { position, ...resent } = entry;
      await harness.fill();
      const refused = { log, origin: "one", operation: newOperation(), payload: "refused", since: start.position };
      await assert.rejects(store.append(refused), isFull);
      assert.deepEqual(await store.append({ log, ...resent, since: start.position }), { status: "OK", position });
      assert.deepEqual(await follow(harness, start), [start, entry]);
      await harness.drain();
      await rewind();
      await harness.fill();
      assert.equal((await store.sync({ log, last: entry, count: page })).status, "FORK");
      await harness.drain();
      assert.equal((await store.append(refused)).status, "OK");
    } finally {
      await harness.drain();
      await harness.close();
    }
  });
}

/** Every call reaches the store twice, and only the second answer comes back. */
function deliverTwice({ store }: LogStoreSetting): LogStore {
  return {
    async append(params) {
      await store.append(params);
      return store.append(params);
    },
    async sync(params) {
      await store.sync(params);
      return store.sync(params);
    },
    async read(params) {
      await store.read(params);
      return store.read(params);
    },
  };
}

/** After every call all earlier ones are delivered again, and must change nothing. */
function deliverLate({ store, log }: LogStoreSetting): LogStore {
  const earlier: (() => Promise<unknown>)[] = [];
  const whole = (): Promise<unknown> => store.read({ log, from: "0-0", count: 20_000 });
  const late = async <T>(call: () => Promise<T>): Promise<T> => {
    const result = await call();
    for (const again of earlier) {
      const before = await whole();
      await again();
      assert.deepEqual(await whole(), before, "a late write had an effect");
    }
    earlier.push(call);
    return result;
  };
  return {
    append: (params) => late(() => store.append(params)),
    sync: (params) => late(() => store.sync(params)),
    read: (params) => store.read(params),
  };
}
