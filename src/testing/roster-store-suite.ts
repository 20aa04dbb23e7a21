import assert from "node:assert/strict";
import type { RosterStore } from "../feed/roster-store.js";
import { rosterStoreCases, type RosterStoreSetting } from "./roster-store-cases.js";

/** A store whose roster nobody has used, and its end. */
export interface RosterStoreHarness extends RosterStoreSetting {
  readonly close: () => Promise<void>;
}

/** A harness whose storage can be filled. */
export interface FillableRosterStoreHarness extends RosterStoreHarness {
  /** From now on the storage refuses what creates data. */
  readonly fill: () => Promise<void>;
  /** Ends that. */
  readonly drain: () => Promise<void>;
}

/** Where the suite registers its cases. */
export interface RosterStoreSuiteOptions<Harness extends RosterStoreHarness = RosterStoreHarness> {
  readonly test: (name: string, run: () => Promise<void>) => void;
  readonly createStore: () => Promise<Harness>;
}

/**
 * The conformance suite of the port of rosters; unstable, it grows with the port.
 *
 * Each case runs as it is, with every reply lost once (each call is delivered twice and the second answer counts), and
 * with the last write of every instance delivered again after each later call; its earlier ones ended before that.
 */
export function rosterStoreSuite({ test, createStore }: RosterStoreSuiteOptions): void {
  const variants = [
    { suffix: "", wrap: (store: RosterStore) => store, fits: () => true },
    { suffix: ", each reply lost once", wrap: deliverTwice, fits: () => true },
    { suffix: ", each last write delivered again late", wrap: deliverLate, fits: (silence: boolean) => !silence },
  ];
  for (const { name, silence = false, run } of rosterStoreCases) {
    for (const { suffix, wrap, fits } of variants) {
      if (!fits(silence)) continue;
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

/** What the port promises while its storage is full: all of it. */
export function fullRosterStoreSuite({ test, createStore }: RosterStoreSuiteOptions<FillableRosterStoreHarness>): void {
  test("beat, read and leave pass at full memory, also the first beat of all", async () => {
    const harness = await createStore();
    const { store } = harness;
    const ids = async (): Promise<readonly string[]> => (await store.read()).rows.map(({ id }) => id).sort();
    try {
      await harness.fill();
      const quiet = { positions: "", details: "{}" };
      const first = await store.beat({ ...quiet, id: "a", forget: 0 });
      await harness.elapse(30);
      const second = await store.beat({ ...quiet, id: "b", forget: 0 });
      assert.notEqual(second.version, first.version);
      assert.deepEqual(await ids(), ["a", "b"]);
      const third = await store.beat({ ...quiet, id: "b", forget: 20 });
      assert.notEqual(third.version, second.version);
      assert.deepEqual(await ids(), ["b"]);
      await store.leave({ id: "b" });
      assert.deepEqual(await ids(), []);
    } finally {
      await harness.drain();
      await harness.close();
    }
  });
}

/** Every call reaches the store twice, and only the second answer comes back. */
function deliverTwice(store: RosterStore): RosterStore {
  const twice = async <T>(call: () => Promise<T>): Promise<T> => {
    await call();
    return call();
  };
  return {
    beat: (params) => twice(() => store.beat(params)),
    read: () => twice(() => store.read()),
    leave: (params) => twice(() => store.leave(params)),
  };
}

/** After every call the last write of each instance is delivered again, and must change nothing but the time. */
function deliverLate(store: RosterStore): RosterStore {
  const last = new Map<string, () => Promise<unknown>>();
  const whole = async (): Promise<unknown> =>
    (await store.read()).rows.map(({ id, positions, details }) => [id, positions, details].join("\0")).sort();
  const late = async <T>(id: string, call: () => Promise<T>): Promise<T> => {
    const result = await call();
    last.set(id, call);
    for (const again of last.values()) {
      const before = await whole();
      await again();
      assert.deepEqual(await whole(), before, "a late write had an effect");
    }
    return result;
  };
  return {
    beat: (params) => late(params.id, () => store.beat(params)),
    read: () => store.read(),
    leave: (params) => late(params.id, () => store.leave(params)),
  };
}
