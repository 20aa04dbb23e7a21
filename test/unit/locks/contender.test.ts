import { describe, expect, test } from "vitest";
import { LockBusyError, LockTimeoutError } from "../../../src/locks/index.js";
import { rejection } from "../backend/open-backend.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { gate, LockWorld, lostAnswer, unreachable, watch } from "./lock-world.js";

describe("those who wait for a lock in one process", () => {
  test("get it in the order of their coming, with rising tokens, from one request", async () => {
    const world = new LockWorld();
    const { locks, store } = world.process("one");
    const order: number[] = [];
    const tokens: number[] = [];
    const use = (number: number): Promise<unknown> =>
      locks.using("a", (lock) => {
        order.push(number);
        tokens.push(lock.token);
      });
    await Promise.all(Array.from({ length: 10 }, (_, index) => use(index)));
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(tokens).toEqual(tokens.toSorted((one, other) => one - other));
    expect(new Set(tokens).size).toBe(10);
    expect(store.calls.map(({ method }) => method)).toEqual(["ask", "end"]);
    expect(locks.stats()).toMatchObject({ acquired: 10, released: 10, passes: 9 });
  });

  test("are served sixteen with one grant, and then others get their turn", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const order: string[] = [];
    const first = await one.locks.acquire("a");
    const all = [
      ...Array.from({ length: 20 }, () => one.locks.using("a", () => void order.push("one"))),
      two.locks.using("a", () => void order.push("two")),
    ];
    await world.pass(0);
    await first.release();
    await world.pass(3_000);
    await Promise.all(all);
    // The place of `two` was taken before that of the twenty, and then they are sixteen at most.
    expect(order.indexOf("two")).toBe(0);
    expect(one.store.count("endAndAsk")).toBe(2);
  });

  test("pass it among themselves for 25 ms", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const order: string[] = [];
    const held = await one.locks.acquire("a");
    const slow = (name: string): Promise<void> =>
      (name === "two" ? two : one).locks.using("a", async () => {
        order.push(name);
        world.clock.advance(10);
      });
    const ones = Array.from({ length: 6 }, () => slow("one"));
    await world.pass(0);
    await held.release();
    const twos = slow("two");
    await world.pass(4_000);
    await Promise.all([...ones, twos]);
    expect(order.indexOf("two")).toBe(3);
  });

  test("hand it to those who wait elsewhere, who need not ask", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    const waiting = watch(two.locks.acquire("a"));
    await world.pass(10);
    expect(waiting.isSettled).toBe(false);
    await lock.release();
    await world.pass(0);
    expect(waiting.value?.held).toBe(true);
    expect(waiting.value?.token).toBeGreaterThan(lock.token);
    expect(two.locks.stats()).toMatchObject({ handoffs: 1, polls: 0 });
    // The handoff is for four seconds until it is confirmed.
    expect(waiting.value?.remaining).toBeLessThan(4_000);
    await world.pass(25);
    expect(waiting.value?.remaining).toBeGreaterThan(14_000);
  });

  test("find out by asking what no letter told", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    two.isDeaf = true;
    const waiting = watch(two.locks.acquire("a"));
    await world.pass(0);
    await lock.release();
    await world.pass(1_700);
    expect(waiting.value?.held).toBe(true);
    expect(two.locks.stats()).toMatchObject({ handoffs: 0, polls: 1 });
  });

  test("ask again when letters may have been missed", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    two.isDeaf = true;
    const waiting = watch(two.locks.acquire("a"));
    await world.pass(0);
    await lock.release();
    two.gap();
    await world.pass(0);
    expect(waiting.value?.held).toBe(true);
  });

  test("take a letter that overtakes the answer to the question", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    // So that it hears letters already.
    await (await one.locks.acquire("b")).release();
    const b = await one.locks.acquire("b");
    const other = two.locks.acquire("b");
    await world.pass(0);
    await b.release();
    await (await other).release();
    const lock = await one.locks.acquire("a");
    const answer = gate();
    two.store.next("ask", { answers: answer.opened });
    const waiting = watch(two.locks.acquire("a"));
    await world.pass(0);
    await lock.release();
    await world.pass(5);
    expect(waiting.value?.held).toBe(true);
    answer.open();
    await world.pass(5);
    expect(waiting.value?.held).toBe(true);
    expect(await waiting.value?.release()).toBe(true);
    expect((await two.locks.inspect("a")).holder).toBeUndefined();
  });

  test("mind no letter for another request, none that comes twice, and none that cannot be read", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    const waiting = watch(two.locks.acquire("a"));
    await world.pass(0);
    const now = world.clock.now();
    two.tell("granted", `${world.keyOf("a")}\n77|${lock.token + 100}|${lock.token + 115}|${now}|4000`);
    two.tell("granted", `${world.keyOf("a")}\n1|x|y|${now}|4000`);
    two.tell("granted", "");
    two.tell("lost", `${world.keyOf("a")}\nnonsense`);
    await world.pass(0);
    expect(waiting.isSettled).toBe(false);
    await lock.release();
    await world.pass(0);
    const token = waiting.value?.token as number;
    two.tell("granted", `${world.keyOf("a")}\n1|${token}|${token + 15}|${now}|4000`);
    const next = watch(two.locks.acquire("a"));
    await world.pass(0);
    expect(next.isSettled).toBe(false);
    expect(waiting.value?.held).toBe(true);
  });

  test("renew first where a letter came so late that little is left", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    const waiting = watch(two.locks.acquire("a"));
    await world.pass(300);
    two.isDeaf = true;
    two.store.fault = (method) => (method === "ask" ? { error: unreachable() } : undefined);
    await lock.release();
    const granted = await one.locks.inspect("a");
    await world.pass(3_300);
    expect(waiting.isSettled).toBe(false);
    const token = granted.holder?.token as number;
    // By the server's clock it is granted for four seconds, 300 ms after the last answer: some 600 ms are left.
    two.tell("granted", `${world.keyOf("a")}\n1|${token}|${token + 15}|${granted.now}|4000`);
    expect(two.store.count("renew")).toBe(1);
    await world.pass(0);
    expect(waiting.value?.remaining).toBeGreaterThan(14_000);
  });
});

describe("a process that stood still while the lock was handed to it", () => {
  const late = 4_500;

  /** The lock was handed to the sleeper, nobody heard of it, and it has ended; with the letter that tells of it. */
  async function handedToSleeper() {
    const world = new LockWorld();
    const [clock, one] = [new FakeClock(), world.process("one")];
    const sleeper = world.process("sleeper", { clock });
    const lock = await one.locks.acquire("a");
    sleeper.isDeaf = true;
    const waiting = watch(sleeper.locks.acquire("a"));
    await world.pass(0);
    const now = world.clock.now();
    await lock.release();
    const { token = 0 } = (await one.locks.inspect("a")).holder ?? {};
    await world.pass(late);
    return { world, one, sleeper, clock, waiting, token, letter: `1|${token}|${token + 15}|${now}|4000` };
  }

  test("takes no old token when it is granted the lock anew before it reads of the first time", async () => {
    const { world, one, sleeper, clock, waiting, letter } = await handedToSleeper();
    const between = await one.locks.acquire("a");
    await between.release();
    clock.advance(late);
    sleeper.tell("granted", `${world.keyOf("a")}\n${letter}`);
    await world.pass(0);
    expect(waiting.value?.held).toBe(true);
    expect(waiting.value?.token).toBeGreaterThan(between.token);
    expect(await waiting.value?.release()).toBe(true);
  });

  test("loses what it made of the letter when it hears that it was granted the lock anew", async () => {
    const { world, one, sleeper, clock, waiting, token } = await handedToSleeper();
    const between = await one.locks.acquire("a");
    await between.release();
    const second = watch(sleeper.locks.acquire("a"));
    clock.advance(late);
    // By its own clock this one has just been sent.
    sleeper.tell("granted", `${world.keyOf("a")}\n1|${token}|${token + 15}|${world.clock.now()}|4000`);
    await world.pass(0);
    expect(waiting.value?.lost?.reason).toBe("expired");
    expect(second.value?.held).toBe(true);
    expect(second.value?.token).toBeGreaterThan(between.token);
  });

  test("takes nothing, and keeps its place, when it hears first that others have the lock", async () => {
    const { world, one, sleeper, clock, waiting, letter } = await handedToSleeper();
    const between = await one.locks.acquire("a");
    clock.advance(late);
    await world.pass(0);
    sleeper.tell("granted", `${world.keyOf("a")}\n${letter}`);
    sleeper.isDeaf = false;
    await world.pass(0);
    expect(waiting.isSettled).toBe(false);
    expect(sleeper.store.count("renew")).toBe(0);
    expect((await one.locks.inspect("a")).waiting).toHaveLength(1);
    await between.release();
    await world.pass(0);
    expect(waiting.value?.held).toBe(true);
  });
});

describe("a waiter", () => {
  test("whose time is over learns who has it and who is ahead", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a", { owner: "ann", reason: "repair" });
    const before = watch(two.locks.acquire("a", { wait: "1h" }));
    const waiting = rejection<LockTimeoutError>(two.locks.acquire("a", { wait: 300 }));
    await world.pass(310);
    const error = await waiting;
    expect(error).toBeInstanceOf(LockTimeoutError);
    expect(error).toMatchObject({ lock: "a", waited: 300, ahead: 1, status: 423, executed: "no" });
    expect(error.holder).toMatchObject({ instance: "one", owner: "ann", reason: "repair", here: false });
    expect(error.message).toContain("ann on one (repair)");
    await lock.release();
    await world.pass(0);
    expect(before.value?.held).toBe(true);
  });

  test.each(["asking", "waiting", "held here"] as const)("may be called off while it is %s", async (state) => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await (state === "held here" ? two : one).locks.acquire("a");
    const answer = gate();
    if (state === "asking") two.store.next("ask", { answers: answer.opened });
    const controller = new AbortController();
    const waiting = watch(two.locks.acquire("a", { signal: controller.signal }));
    const other = watch(two.locks.acquire("a"));
    await world.pass(5);
    controller.abort(new Error("gone"));
    await world.pass(0);
    expect(waiting.error).toEqual(new Error("gone"));
    answer.open();
    await world.pass(5);
    await lock.release();
    await world.pass(0);
    expect(other.value?.held).toBe(true);
  });

  test.each(["asking", "waiting"] as const)("called off alone while it is %s leaves no place behind", async (state) => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    const answer = gate();
    if (state === "asking") two.store.next("ask", { answers: answer.opened });
    const controller = new AbortController();
    const waiting = watch(two.locks.acquire("a", { signal: controller.signal }));
    await world.pass(5);
    controller.abort(new Error("gone"));
    answer.open();
    await world.pass(0);
    expect(waiting.error).toEqual(new Error("gone"));
    expect((await one.locks.inspect("a")).waiting).toEqual([]);
    await lock.release();
    expect((await one.locks.inspect("a")).holder).toBeUndefined();
  });

  test("that was granted is not touched by its signal any more", async () => {
    const { locks } = new LockWorld().process("one");
    const controller = new AbortController();
    const lock = await locks.acquire("a", { signal: controller.signal });
    controller.abort(new Error("late"));
    expect(lock.held).toBe(true);
    const aborted = AbortSignal.abort(new Error("early"));
    await expect(locks.acquire("b", { signal: aborted })).rejects.toThrow("early");
  });

  test("that is granted the lock after it has left gives it back", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const answer = gate();
    one.store.next("ask", { answers: answer.opened });
    const late = rejection(one.locks.acquire("a", { wait: 100 }));
    await world.pass(110);
    expect(await late).toBeInstanceOf(LockTimeoutError);
    answer.open();
    await world.pass(0);
    expect((await two.locks.tryAcquire("a")).acquired).toBe(true);
  });
});

describe("a backend that does not answer", () => {
  test("is told to those who ask, and whatever it may have granted is ended", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    one.store.next("ask", { error: lostAnswer(), isDone: true });
    await expect(one.locks.acquire("a")).rejects.toMatchObject({ code: "ERR_FLEET_TIMEOUT", executed: "maybe" });
    await world.pass(0);
    expect((await two.locks.tryAcquire("a")).acquired).toBe(true);
    expect(one.locks.stats().errors).toBe(1);
  });

  test("does not cost those who wait their place", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    const waiting = watch(two.locks.acquire("a", { wait: "1m" }));
    await world.pass(0);
    two.store.fault = () => ({ error: unreachable() });
    await world.pass(4_000);
    two.store.fault = () => undefined;
    expect(waiting.isSettled).toBe(false);
    await lock.release();
    await world.pass(0);
    expect(waiting.value?.held).toBe(true);
  });

  test("is the cause of an end without the lock", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    await one.locks.acquire("a");
    const waiting = rejection<LockTimeoutError>(two.locks.acquire("a", { wait: "3s" }));
    await world.pass(0);
    two.store.fault = () => ({ error: unreachable() });
    await world.pass(3_100);
    expect(await waiting).toMatchObject({ code: "ERR_FLEET_LOCK_TIMEOUT", cause: { code: "ERR_FLEET_UNAVAILABLE" } });
  });

  test("gets the release that it missed, also when the next in this process fails", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    one.store.next("end", { error: unreachable() });
    one.store.next("ask", { error: unreachable() });
    expect(await lock.release()).toBe(true);
    await expect(one.locks.acquire("a")).rejects.toMatchObject({ code: "ERR_FLEET_UNAVAILABLE" });
    await world.pass(500);
    expect((await two.locks.tryAcquire("a")).acquired).toBe(true);
  });

  test.each([
    { what: "was not sent", fault: { error: unreachable() } },
    { what: "got lost", fault: { error: lostAnswer() } },
    { what: "was lost on the way back", fault: { error: lostAnswer(), isDone: true } },
  ])("gets the release that took others along and $what", async ({ fault }) => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    await world.pass(30);
    const waiting = watch(one.locks.acquire("a"));
    one.store.next("endAndAsk", fault);
    await lock.release();
    await world.pass(500);
    expect(waiting.isSettled).toBe(true);
    expect((await two.locks.tryAcquire("a")).acquired).toBe(true);
  });

  test("that tells too late of a grant does not have it trusted", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const answer = gate();
    one.store.next("ask", { answers: answer.opened });
    const waiting = watch(one.locks.acquire("a", { lease: 1_000, wait: "10s" }));
    await world.pass(1_100);
    const other = await two.locks.acquire("a");
    answer.open();
    await world.pass(0);
    expect(waiting.isSettled).toBe(false);
    expect(one.store.count("renew")).toBe(1);
    await other.release();
    await world.pass(1_600);
    expect(waiting.value?.held).toBe(true);
  });
});

describe("whoever does not wait", () => {
  test("is told who has it, here or elsewhere, and leaves no place", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    await one.locks.acquire("a", { owner: "ann" });
    for (const { locks } of [one, two]) {
      const error = await rejection<LockBusyError>(locks.acquire("a", { wait: 0 }));
      expect(error).toBeInstanceOf(LockBusyError);
      expect(error).not.toBeInstanceOf(LockTimeoutError);
      expect(error.holder).toMatchObject({ owner: "ann", instance: "one" });
      expect(await locks.tryAcquire("a")).toMatchObject({ acquired: false, holder: { owner: "ann" } });
      expect(locks.stats().busy).toBe(2);
    }
    expect((await one.locks.inspect("a")).waiting).toEqual([]);
    // A refusal costs one trip.
    expect(two.store.calls.map(({ method }) => method)).toEqual(["ask", "ask"]);
  });

  test("is refused at once while a lock is kept, also when that cannot be told to the backend", async () => {
    const world = new LockWorld();
    const { locks, store } = world.process("one");
    const lock = await locks.acquire("a", { minHold: "1m" });
    store.fault = (method) => (method === "end" ? { error: unreachable() } : undefined);
    await lock.release();
    const tried = watch(locks.tryAcquire("a"));
    await world.pass(10);
    expect(tried.value).toMatchObject({ acquired: false });
  });
});
