import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { UnavailableError } from "../../../src/core/errors.js";
import { generateId } from "../../../src/sessions/identifier.js";
import { MemorySessionStore } from "../../../src/sessions/memory-session-store.js";
import { Bench, day, fresh, hour, minute, type Session } from "./bench.js";

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

afterEach(() => void vi.restoreAllMocks());

describe("how long a session lives", () => {
  test("is one day without requests by default, and the cookie's `maxAge` where it has one", async () => {
    const { set } = bench.facade(bench.instance());
    await set(fresh());
    expect(bench.remaining()).toBe(day);
    const other = generateId();
    await set(fresh({}, { originalMaxAge: 5 * minute, maxAge: 1 }), other);
    expect(bench.remaining(other)).toBe(5 * minute);
  });

  test("is what `idle` says, and never more than `absolute`", async () => {
    const { set, load } = bench.facade(bench.instance({ idle: "10m", absolute: "25m" }));
    await set(fresh());
    for (const [after, left] of [
      [8, 10],
      [16, 9],
      [24, 1],
    ] as const) {
      bench.clock.advance(8 * minute);
      await load();
      expect([after, bench.remaining()]).toEqual([after, left * minute]);
    }
    bench.clock.advance(minute);
    expect(await load()).toBeUndefined();
  });

  test("goes on from what the backend tells, whatever the process' wall clock does", async () => {
    const { set, load } = bench.facade(bench.instance({ idle: "10m" }));
    const session = fresh();
    await set(session);
    for (const jump of [hour, -3 * hour, 40 * day]) {
      bench.clock.jumpWall(jump);
      bench.clock.advance(2 * minute);
      const loaded = await load();
      expect(loaded).toMatchObject({ a: 1 });
      expect(bench.remaining()).toBe(10 * minute);
    }
  });

  test("ends at once where the app sets a cookie that is over", async () => {
    const { set, load } = bench.facade(bench.instance());
    await set(fresh());
    const session = (await load()) as Session;
    session["cookie"].maxAge = 0;
    session["b"] = 2;
    await set(session);
    bench.clock.advance(1);
    expect(await load()).toBeUndefined();
  });
});

describe("an extension", () => {
  test("is due once a tenth of the idle time has passed, not before", async () => {
    const sessions = bench.instance({ idle: "10m" });
    const { set, load } = bench.facade(sessions);
    await set(fresh());
    bench.clock.advance(minute - 1);
    await load();
    expect([sessions.stats().touches, bench.remaining()]).toEqual([0, 9 * minute + 1]);
    bench.clock.advance(1);
    await load();
    expect([sessions.stats().touches, bench.remaining()]).toEqual([1, 10 * minute]);
    await load();
    expect(sessions.stats().touches).toBe(1);
  });

  test("happens at each load with `touch: 0`, and only at the end with `touch: 1`", async () => {
    const eager = bench.instance({ touch: 0 });
    const one = bench.facade(eager);
    await one.set(fresh());
    for (let n = 0; n < 3; n += 1) await one.load();
    expect(eager.stats().touches).toBe(3);
    const lazy = bench.instance({ touch: 1, idle: "10m" });
    bench.clock.advance(day - minute);
    await bench.facade(lazy).load();
    expect(lazy.stats().touches).toBe(0);
  });

  test("does not keep the request waiting, unless the session is about to end", async () => {
    const { set, load } = bench.facade(bench.instance({ idle: "10m" }));
    await set(fresh());
    const original = MemorySessionStore.prototype.touch;
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    vi.spyOn(MemorySessionStore.prototype, "touch").mockImplementation(async function (
      this: MemorySessionStore,
      params,
    ) {
      await held;
      return original.call(this, params);
    });
    bench.clock.advance(5 * minute);
    expect(await load()).toMatchObject({ a: 1 });
    bench.clock.advance(5 * minute - 1000);
    let loaded: Session | undefined;
    const loading = load().then((session) => (loaded = session));
    await new Promise((resolve) => setImmediate(resolve));
    expect(loaded).toBeUndefined();
    release();
    await loading;
    expect(loaded).toMatchObject({ a: 1 });
    expect(bench.remaining()).toBe(10 * minute);
  });

  test("that finds the session ended is a miss where the request waited for it", async () => {
    const { set, load } = bench.facade(bench.instance({ idle: "10m" }));
    await set(fresh());
    bench.clock.advance(10 * minute - 1000);
    vi.spyOn(MemorySessionStore.prototype, "touch").mockResolvedValue({ status: "gone" });
    expect(await load()).toBeUndefined();
  });

  test("that fails leaves the request its session, and is counted", async () => {
    const sessions = bench.instance({ idle: "10m" });
    const { set, load } = bench.facade(sessions);
    await set(fresh());
    bench.clock.advance(10 * minute - 1000);
    vi.spyOn(MemorySessionStore.prototype, "touch").mockRejectedValue(new UnavailableError("away"));
    expect(await load()).toMatchObject({ a: 1 });
    expect(sessions.stats()).toMatchObject({ touches: 1, errors: 1 });
  });

  test("is shared by the requests of one session that run at once", async () => {
    const sessions = bench.instance({ idle: "10m" });
    const { set, load } = bench.facade(sessions);
    await set(fresh());
    bench.clock.advance(5 * minute);
    await Promise.all(Array.from({ length: 10 }, () => load()));
    expect(sessions.stats().touches).toBe(1);
  });

  test("comes at the end of a request that took long", async () => {
    const sessions = bench.instance({ idle: "10m" });
    const { set, load, touch } = bench.facade(sessions);
    await set(fresh());
    const session = (await load()) as Session;
    await touch(session);
    expect(sessions.stats().touches).toBe(0);
    bench.clock.advance(8 * minute);
    await touch(session);
    expect([sessions.stats().touches, bench.remaining()]).toEqual([1, 10 * minute]);
  });

  test("of an unchanged session that is saved takes the place of the save", async () => {
    const sessions = bench.instance({ idle: "10m" });
    const { set, load } = bench.facade(sessions);
    await set(fresh());
    const session = (await load()) as Session;
    bench.clock.advance(8 * minute);
    await set(session);
    expect([sessions.stats().saves, sessions.stats().touches, bench.remaining()]).toEqual([1, 1, 10 * minute]);
  });

  test("works for a session object that this store did not load", async () => {
    const { set, touch } = bench.facade(bench.instance({ idle: "10m" }));
    await set(fresh());
    bench.clock.advance(5 * minute);
    await bench.facade(bench.instance()).touch(fresh());
    expect(bench.remaining()).toBe(10 * minute);
    await touch(fresh(), generateId());
  });
});
