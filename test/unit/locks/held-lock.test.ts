import { describe, expect, test } from "vitest";
import { LockLostError } from "../../../src/locks/index.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { settle } from "../backend/open-backend.js";
import { gate, LockWorld, lostAnswer, unreachable, watch } from "./lock-world.js";

const reasonOf = (lock: { readonly lost: LockLostError | undefined }): string | undefined => lock.lost?.reason;

describe("a lock that is held", () => {
  test("is renewed for as long as it is, at a third of its lease", async () => {
    const world = new LockWorld();
    const { locks, store } = world.process("one");
    // What is left then is the backend's.
    await (await locks.acquire("b")).release();
    const { timers } = world.clock;
    const lock = await locks.acquire("a", { owner: "ann" });
    await world.pass(4_900);
    expect(store.count("renew")).toBe(0);
    await world.pass(60_000 - 4_900);
    expect(lock.held).toBe(true);
    expect(store.count("renew")).toBe(12);
    expect((await locks.inspect("a")).holder).toMatchObject({ token: lock.token, owner: "ann", here: true });
    expect(await lock.release()).toBe(true);
    await world.pass(20_000);
    expect(store.count("renew")).toBe(12);
    expect(world.clock.timers).toBe(timers);
  });

  test("is released once, and is then neither held nor lost", async () => {
    const { locks, store } = new LockWorld().process("one");
    const lock = await locks.acquire("a");
    const { signal } = lock;
    expect([lock.held, lock.remaining > 14_000, lock.lost]).toEqual([true, true, undefined]);
    const [first, second] = [lock.release(), lock.release()];
    expect([lock.held, lock.remaining, lock.lost]).toEqual([false, 0, undefined]);
    expect(await Promise.all([first, second])).toEqual([true, true]);
    expect(store.count("end")).toBe(1);
    expect(signal.aborted).toBe(false);
    expect(() => lock.assert()).toThrow(LockLostError);
  });

  test("is given back at the end of a block", async () => {
    const { locks } = new LockWorld().process("one");
    let token = 0;
    {
      await using lock = await locks.acquire("a");
      ({ token } = lock);
    }
    const next = await locks.acquire("a", { wait: 0 });
    expect(next.token).toBeGreaterThan(token);
  });

  test("is not held any more before the server lets others have it", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a", { renew: false, lease: 10_000 });
    let free = 0;
    for (let passed = 0; passed < 10_100 && free === 0; passed += 4) {
      await world.clock.advanceAsync(4);
      const isHeld = lock.held;
      if ((await two.locks.inspect("a")).holder === undefined) free = passed;
      expect(isHeld && free > 0).toBe(false);
    }
    expect(free).toBeGreaterThan(9_900);
    expect(reasonOf(lock)).toBe("expired");
    expect(one.store.count("renew")).toBe(0);
  });

  test("counts from when it was asked for", async () => {
    const world = new LockWorld();
    const { locks, store } = world.process("one");
    const answer = gate();
    store.next("ask", { answers: answer.opened });
    const waiting = watch(locks.acquire("a"));
    await world.pass(3_000);
    answer.open();
    await world.pass(0);
    expect(waiting.value?.remaining).toBeCloseTo(15_000 * 0.99 - 12 - 3_000, 0);
  });

  test("survives renewals that fail, until its lease ends", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a", { lease: 3_000 });
    one.store.next("renew", { error: unreachable() });
    one.store.next("renew", { error: lostAnswer() });
    await world.pass(2_900, 50);
    expect(lock.held).toBe(true);
    expect(one.locks.stats()).toMatchObject({ renewalsFailed: 2, lost: 0 });
    one.store.fault = (method) => (method === "renew" ? { error: unreachable() } : undefined);
    const told: LockLostError[] = [];
    lock.onLost((error) => told.push(error));
    await world.pass(3_000, 50);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ reason: "renew-failed", lock: "a", token: lock.token, executed: "maybe" });
    expect(told[0]?.cause).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE" });
    expect(lock.signal.reason).toBe(told[0]);
    expect(await lock.release()).toBe(false);
    expect((await two.locks.acquire("a")).token).toBeGreaterThan(lock.token);
  });

  test("does not trust a renewal for longer than since it was asked for", async () => {
    const world = new LockWorld();
    const { locks, store } = world.process("one");
    const lock = await locks.acquire("a", { lease: 3_000 });
    const answer = gate();
    store.next("renew", { answers: answer.opened });
    await world.pass(2_500, 50);
    answer.open();
    await world.pass(0);
    expect(lock.remaining).toBeLessThan(3_000 - 1_400);
  });

  test("is trusted for as long as the server keeps it, also where the next holder here asked for less", async () => {
    const world = new LockWorld();
    const { locks } = world.process("one");
    const [first, second] = [watch(locks.acquire("a")), watch(locks.acquire("a", { lease: 400 }))];
    await world.pass(0);
    await first.value?.release();
    await world.pass(100);
    const { holder, now } = await locks.inspect("a");
    expect(holder?.token).toBe(second.value?.token);
    expect(second.value?.remaining).toBeGreaterThan((holder?.until ?? 0) - now - 200);
  });

  test("is found to be gone at its next renewal, whatever letters were missed", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    one.isDeaf = true;
    const taken = await one.locks.acquire("a");
    await two.locks.forceRelease("a", { by: "ann", reason: "stuck" });
    const [forgotten, other] = [await one.locks.acquire("b"), await one.locks.acquire("c")];
    const holder = { process: "two", token: 1, since: 0, until: 0, notes: "{}" };
    one.store.next("renew", {});
    one.store.next("renew", { answer: { status: "lost", holder: undefined, force: undefined } });
    one.store.next("renew", { answer: { status: "lost", holder, force: undefined } });
    await world.pass(5_100);
    expect([taken, forgotten, other].map(reasonOf)).toEqual(["forced", "failover", "expired"]);
    expect(taken.lost).toMatchObject({ by: "ann", why: "stuck" });
    expect(taken.lost?.message).toBe('the lock "a" was lost (forced by ann: stuck)');
  });

  test("is lost at once by both clocks when this process did not run", async () => {
    for (const jump of ["both", "wall"] as const) {
      const world = new LockWorld();
      const clock = new FakeClock();
      const { locks, store } = world.process("one", { clock });
      const lock = await locks.acquire("a");
      if (jump === "wall") clock.jumpWall(20_000);
      else {
        // Timers do not fire while a process is frozen; here they fire late.
        store.fault = (method) => (method === "renew" ? { arrives: new Promise(() => undefined) } : undefined);
        await clock.advanceAsync(5_001);
        clock.advance(15_000);
      }
      expect(lock.held).toBe(false);
      expect(() => lock.assert()).toThrow(LockLostError);
      await clock.advanceAsync(5_000);
      await settle();
      expect(reasonOf(lock)).toBe("expired");
      expect(await lock.release()).toBe(false);
    }
  });

  test("trusts the monotonic clock where the wall clock is set back", async () => {
    const world = new LockWorld();
    const clock = new FakeClock();
    const { locks } = world.process("one", { clock });
    const lock = await locks.acquire("a", { renew: false });
    clock.jumpWall(-60_000);
    clock.advance(14_900);
    expect(lock.held).toBe(false);
  });

  test("is lost after `maxHold`, and nobody gets it before its lease has ended", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a", { maxHold: "7s", lease: "6s" });
    const waiting = watch(two.locks.acquire("a", { wait: "1m" }));
    await world.pass(7_100);
    expect(reasonOf(lock)).toBe("max-hold");
    expect(waiting.isSettled).toBe(false);
    expect(await lock.release()).toBe(false);
    await world.pass(6_000);
    expect(waiting.value?.held).toBe(true);
  });

  test("is lost after `maxHold` for good, also when a renewal is under way just then", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a", { maxHold: 2_100, lease: "6s" });
    const answer = gate();
    one.store.next("renew", { answers: answer.opened });
    await world.pass(2_200, 50);
    expect(reasonOf(lock)).toBe("max-hold");
    answer.open();
    await world.pass(7_000);
    expect(one.store.count("renew")).toBe(1);
    expect((await two.locks.tryAcquire("a")).acquired).toBe(true);
  });

  test("is kept from others for `minHold`, however soon it is released", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a", { minHold: 2_000 });
    const [here, elsewhere] = [watch(one.locks.acquire("a")), watch(two.locks.acquire("a"))];
    await world.pass(500);
    expect(await lock.release()).toBe(true);
    await world.pass(1_400);
    expect([here.isSettled, elsewhere.isSettled]).toEqual([false, false]);
    await world.pass(1_700);
    expect(elsewhere.value?.held).toBe(true);
    await elsewhere.value?.release();
    await world.pass(1_700);
    expect(here.value?.held).toBe(true);
  });

  test("sets few timers while a renewal hangs and it is passed on", async () => {
    const world = new LockWorld();
    const { locks, store } = world.process("one");
    const all = [1, 2, 3].map(() => watch(locks.acquire("a", { lease: 100 })));
    store.fault = (method) => (method === "renew" ? { arrives: new Promise(() => undefined) } : undefined);
    await world.pass(0);
    await all[0]?.value?.release();
    await world.pass(20, 1);
    expect(store.count("renew")).toBe(1);
    await all[1]?.value?.release();
    await world.pass(0);
    expect(all[2]?.value?.held).toBe(true);
    let timers = 0;
    const { setTimeout } = world.clock;
    world.clock.setTimeout = (...args) => {
      timers += 1;
      return setTimeout.apply(world.clock, args);
    };
    await world.pass(50, 1);
    expect(timers).toBeLessThan(5);
  });
});

describe("whoever listens for the loss", () => {
  test("is told once, at once where it is lost already, and never after the listening ended", async () => {
    const world = new LockWorld();
    const { locks } = world.process("one");
    const lock = await locks.acquire("a", { renew: false, lease: 1_000 });
    const told: string[] = [];
    lock.onLost(() => told.push("early"));
    lock.onLost(() => told.push("never"))();
    await world.pass(1_100);
    lock.onLost(() => told.push("late"));
    expect(told).toEqual(["early", "late"]);
    expect(lock.signal.aborted).toBe(true);
    await world.pass(10_000);
    expect(told).toHaveLength(2);
  });
});

describe("a guarantee on replicas", () => {
  const options = { guarantee: "replicated" } as const;

  test("is kept where the lock is passed on or handed over: a renewal comes first", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    const waiting = watch(two.locks.acquire("a", options));
    await world.pass(0);
    const arrival = gate();
    two.store.next("renew", { arrives: arrival.opened });
    await lock.release();
    await world.pass(5);
    expect(waiting.isSettled).toBe(false);
    expect(two.store.calls.at(-1)).toMatchObject({ method: "renew", argument: { replicas: "all" } });
    arrival.open();
    await world.pass(0);
    expect(waiting.value?.held).toBe(true);
    const [plain, wanting] = [watch(two.locks.acquire("b")), watch(two.locks.acquire("b", options))];
    await world.pass(0);
    await plain.value?.release();
    await world.pass(0);
    // Granted without replicas, it is no use to somebody who wants them: asked for anew.
    expect(two.store.count("endAndAsk")).toBe(1);
    expect(wanting.value?.held).toBe(true);
  });

  test("holds for what is stolen, too", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    await one.locks.acquire("a");
    two.store.next("renew", { error: unreachable() });
    await expect(two.locks.steal("a", { by: "ann", ...options })).rejects.toMatchObject({
      code: "ERR_FLEET_UNAVAILABLE",
    });
    await world.pass(0);
    expect((await two.locks.inspect("a")).holder).toBeUndefined();
    const result = await two.locks.steal("a", { by: "ann", ...options });
    expect(result).toMatchObject({ status: "stolen", lock: { held: true } });
    expect(two.store.calls.at(-1)).toMatchObject({ method: "renew", argument: { replicas: "all" } });
  });
});
