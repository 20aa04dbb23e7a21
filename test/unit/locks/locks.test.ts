import { describe, expect, test } from "vitest";
import { LockLostError, SelfDeadlockError, StaleTokenError, type Lock } from "../../../src/locks/index.js";
import { rejection } from "../backend/open-backend.js";
import { gate, LockWorld, lostAnswer, unreachable, watch } from "./lock-world.js";

describe("using", () => {
  test("gives the lock back however its function ends", async () => {
    const { locks } = new LockWorld().process("one");
    expect(await locks.using("a", { owner: "ann" }, ({ name, held }) => [name, held])).toEqual(["a", true]);
    const failing = locks.using("a", () => Promise.reject(new Error("mine")));
    await expect(failing).rejects.toThrow("mine");
    expect((await locks.tryAcquire("a")).acquired).toBe(true);
  });

  test("shares the lock with another one inside of it, and only with that", async () => {
    const { locks, store } = new LockWorld().process("one");
    await locks.using("a", async (outer) => {
      const inner = await locks.using("a", (lock) => lock);
      expect(inner).toBe(outer);
      await locks.using("b", async () => {
        expect(await locks.using("a", (lock) => lock.token)).toBe(outer.token);
        await expect(locks.acquire("a")).rejects.toBeInstanceOf(SelfDeadlockError);
        await expect(locks.acquire("b")).rejects.toMatchObject({ code: "ERR_FLEET_LOCK_SELF_DEADLOCK", lock: "b" });
      });
      expect(outer.held).toBe(true);
    });
    expect(store.count("ask")).toBe(2);
    expect((await locks.tryAcquire("a")).acquired).toBe(true);
  });

  test("shares nothing with work that its function started and did not await", async () => {
    const { locks } = new LockWorld().process("one");
    const start = gate();
    let detached!: Promise<number>;
    const token = await locks.using("a", (lock) => {
      detached = start.opened.then(() => locks.using("a", (other) => other.token));
      return lock.token;
    });
    start.open();
    expect(await detached).toBeGreaterThan(token);
  });

  test("rejects when its function, or one inside, goes on for longer than the lock is held", async () => {
    const world = new LockWorld();
    const { locks } = world.process("one");
    const end = gate();
    const lost = rejection<LockLostError>(locks.using("a", { renew: false, lease: 1_000 }, () => end.opened));
    let inner!: Promise<unknown>;
    await locks.using("b", () => void (inner = rejection(locks.using("b", () => end.opened))));
    await world.pass(1_100);
    end.open();
    expect(await lost).toMatchObject({ reason: "expired", lock: "a", status: 409 });
    expect(await inner).toBeInstanceOf(LockLostError);
  });

  test("wants a name and a function before anything is asked", async () => {
    const { locks, store } = new LockWorld().process("one");
    for (const name of ["", undefined, 5]) await expect(locks.acquire(name as string)).rejects.toThrow(TypeError);
    await expect(locks.using("a", undefined as never)).rejects.toThrow(/function/);
    await expect(locks.using("a", {}, "x" as never)).rejects.toThrow(/function/);
    expect(store.count("ask")).toBe(0);
    expect(() => locks.register("")).toThrow(TypeError);
    expect(() => locks.elect("")).toThrow(TypeError);
  });
});

describe("once", () => {
  test("runs on the first instance that comes, and on no other for so long", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const run = ({ locks }: typeof one): Promise<unknown> => locks.once("cron", { minHold: "1m" }, () => "done");
    expect(await run(one)).toEqual({ ran: true, value: "done" });
    expect(await run(two)).toMatchObject({ ran: false });
    expect(await run(one)).toMatchObject({ ran: false });
    await world.pass(60_000, 5_000);
    expect(await run(two)).toMatchObject({ ran: true });
    const failing = two.locks.once("other", { minHold: 10 }, () => Promise.reject(new Error("mine")));
    await expect(failing).rejects.toThrow("mine");
  });

  test("is kept to also when the fleet is closed while it runs", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const end = gate();
    const running = rejection(one.locks.once("cron", { minHold: "1m" }, () => end.opened));
    await world.pass(1_000);
    await one.locks.close();
    end.open();
    expect(await running).toMatchObject({ reason: "closed" });
    expect(await two.locks.once("cron", { minHold: "1m" }, () => "done")).toMatchObject({ ran: false });
  });
});

describe("a lock that is taken by force", () => {
  test("is stolen from another process, which hears of it and who it was", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    await (await one.locks.acquire("a")).release();
    // Held for long, its holder listens.
    const lock = await one.locks.acquire("a");
    const waiting = watch(one.locks.acquire("a", { wait: "1m" }));
    await world.pass(5_100);
    const result = await two.locks.steal("a", { by: "ann", reason: "stuck", token: lock.token });
    await world.pass(0);
    expect(result).toMatchObject({ status: "stolen", lock: { held: true } });
    expect(lock.lost).toMatchObject({ reason: "stolen", by: "ann", why: "stuck" });
    expect((await one.locks.inspect("a")).holder).toMatchObject({ owner: "ann", reason: "stuck", instance: "two" });
    expect(waiting.isSettled).toBe(false);
    await (result as { lock: Lock }).lock.release();
    await world.pass(1_700);
    expect(waiting.value?.held).toBe(true);
    expect(two.locks.stats().stolen).toBe(1);
  });

  test.each(["idle", "asking", "waiting", "held", "ending"] as const)(
    "is stolen by a process whose own request is %s",
    async (state) => {
      const world = new LockWorld();
      const [one, two] = [world.process("one"), world.process("two")];
      const pause = gate();
      let mine: Lock | undefined;
      if (state === "held" || state === "ending") mine = await two.locks.acquire("a");
      else await one.locks.acquire("a");
      if (state === "asking") two.store.next("ask", { arrives: pause.opened });
      if (state === "ending") {
        two.store.next("end", { arrives: pause.opened });
        void mine?.release();
      }
      const waiting =
        state === "ending" || state === "idle" ? undefined : watch(two.locks.acquire("a", { wait: "1m" }));
      await world.pass(0);
      const result = await two.locks.steal("a", { by: "ann" });
      pause.open();
      await world.pass(100);
      const { lock } = result as { lock: Lock };
      expect(lock.held).toBe(true);
      if (state === "held") expect(mine?.lost?.reason).toBe("stolen");
      expect((await one.locks.inspect("a")).holder?.token).toBe(lock.token);
      expect(await lock.release()).toBe(true);
      await world.pass(1_700);
      if (waiting !== undefined) expect(await waiting.value?.release()).toBe(true);
      expect((await world.process("three").locks.tryAcquire("a")).acquired).toBe(true);
    },
  );

  test("is stolen only from the one that is expected", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a", { owner: "bob" });
    const changed = { status: "changed", holder: { owner: "bob" } };
    expect(await two.locks.steal("a", { by: "ann", token: 7 })).toMatchObject(changed);
    expect(await two.locks.forceRelease("a", { by: "ann", token: 7 })).toMatchObject(changed);
    expect(lock.held).toBe(true);
    expect(await two.locks.forceRelease("b", { by: "ann" })).toEqual({ status: "free" });
    for (const token of [0, -1, 1.5, "7"] as number[])
      await expect(two.locks.forceRelease("a", { by: "ann", token })).rejects.toThrow(TypeError);
    await expect(two.locks.steal("a", {} as never)).rejects.toThrow(/`by`/);
  });

  test("is given back when nobody hears that it was stolen", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    await one.locks.acquire("a");
    two.store.next("steal", { error: lostAnswer(), isDone: true });
    await expect(two.locks.steal("a", { by: "ann" })).rejects.toMatchObject({ executed: "maybe" });
    await world.pass(0);
    expect((await one.locks.inspect("a")).holder).toBeUndefined();
  });

  test("is seen by whoever observes it, until that ends", async () => {
    const world = new LockWorld();
    const { locks } = world.process("one");
    const seen: (string | undefined)[] = [];
    const end = locks.observe("a", (holder) => void seen.push(holder?.owner));
    await world.pass(0);
    const lock = await locks.acquire("a", { owner: "ann" });
    await world.pass(5_100);
    await lock.release();
    await world.pass(5_100);
    expect(seen).toEqual([undefined, "ann", undefined]);
    end();
    await locks.acquire("a", { owner: "bob" });
    await world.pass(5_100);
    expect(seen).toHaveLength(3);
  });

  test("is given back by its holder here after a steal of which nobody heard", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a");
    one.store.next("steal", { error: lostAnswer() });
    await expect(one.locks.steal("a", { by: "ann" })).rejects.toMatchObject({ executed: "maybe" });
    expect(lock.held).toBe(true);
    expect(await lock.release()).toBe(false);
    await world.pass(0);
    expect((await two.locks.tryAcquire("a")).acquired).toBe(true);
  });

  test("is held by the later of two thieves, whoever is answered first", async () => {
    const world = new LockWorld();
    const { locks, store } = world.process("one");
    const answer = gate();
    store.next("steal", { answers: answer.opened });
    const first = watch(locks.steal("a", { by: "ann" }));
    await world.pass(0);
    const second = await locks.steal("a", { by: "bob" });
    answer.open();
    await world.pass(0);
    expect(first.value).toMatchObject({ status: "changed" });
    expect(second).toMatchObject({ status: "stolen", lock: { held: true } });
    expect((await locks.inspect("a")).holder?.owner).toBe("bob");
  });

  test("is released by its own process, whose holder hears of it without a letter", async () => {
    const world = new LockWorld();
    const { locks } = world.process("one");
    const lock = await locks.acquire("a");
    expect(await locks.forceRelease("a", { by: "ann", reason: "stuck" })).toEqual({ status: "released" });
    await world.pass(5);
    expect(lock.lost).toMatchObject({ reason: "forced", by: "ann", why: "stuck" });
    expect(await locks.forceRelease("a", { by: "ann" })).toEqual({ status: "free" });
    expect(locks.stats()).toMatchObject({ forced: 1, lost: 1 });
  });

  test("goes to the first who waits", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    await one.locks.acquire("a");
    const waiting = watch(two.locks.acquire("a"));
    await world.pass(0);
    await one.locks.forceRelease("a", { by: "ann" });
    await world.pass(0);
    expect(waiting.value?.held).toBe(true);
  });
});

describe("what an instance tells of its locks", () => {
  test("is what it holds and waits for", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const lock = await one.locks.acquire("a", { owner: "ann", details: { page: 7 } });
    const waiting = [one.locks.acquire("a"), one.locks.acquire("a"), two.locks.acquire("a", { reason: "mine" })];
    await world.pass(0);
    expect(await one.locks.query()).toEqual([
      {
        instance: "one",
        held: [{ name: "a", token: lock.token, remaining: expect.any(Number) }],
        pending: [{ name: "a", waiting: 2 }],
      },
    ]);
    expect(await two.locks.query({ everywhere: true })).toMatchObject([{ held: [], pending: [{ waiting: 1 }] }]);
    const seen = await two.locks.inspect("a");
    expect(seen.holder).toMatchObject({ owner: "ann", details: { page: 7 }, here: false });
    expect(seen.waiting).toMatchObject([{ instance: "two", reason: "mine" }]);
    expect([one.locks.inUse, world.process("three").locks.inUse]).toEqual([true, false]);
    await lock.release();
    await world.pass(0);
    void Promise.allSettled(waiting);
  });
});

describe("the end of a fleet", () => {
  test.each(["asking", "waiting", "held", "handed over", "ending", "stealing"] as const)(
    "leaves nothing of a request that is %s",
    async (state) => {
      const world = new LockWorld();
      const [one, two] = [world.process("one"), world.process("two")];
      const pause = gate();
      const theirs = state === "waiting" ? await two.locks.acquire("a") : undefined;
      if (state === "asking") one.store.next("ask", { answers: pause.opened });
      if (state === "stealing") one.store.next("steal", { answers: pause.opened });
      const mine =
        state === "stealing"
          ? watch(one.locks.steal("a", { by: "ann" }))
          : watch(one.locks.acquire("a", { wait: "1m" }));
      await world.pass(0);
      const lock = mine.value as Lock;
      if (state === "handed over") watch(one.locks.acquire("a"));
      if (state === "ending") {
        one.store.next("end", { arrives: pause.opened });
        void lock.release();
      }
      const closing = watch(one.locks.close());
      pause.open();
      await world.pass(0);
      expect(closing.isSettled).toBe(true);
      if (state === "held") expect(lock.lost).toMatchObject({ reason: "closed" });
      else if (state !== "ending" && state !== "handed over")
        expect(mine.error).toMatchObject({ code: "ERR_FLEET_CLOSED" });
      await theirs?.release();
      expect(await two.locks.inspect("a")).toMatchObject({ holder: undefined, waiting: [] });
      await expect(one.locks.acquire("a")).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
      await expect(one.locks.query()).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
    },
  );

  test("does not wait for a backend that is away, and leaves no timer", async () => {
    const world = new LockWorld();
    const { locks, store } = world.process("one");
    await (await locks.acquire("b")).release();
    const { timers } = world.clock;
    await locks.acquire("a");
    store.fault = () => ({ error: unreachable() });
    await locks.close();
    await world.pass(0);
    expect(world.clock.timers).toBe(timers);
  });

  test("waits for every `using` that runs, and ends the elections", async () => {
    const world = new LockWorld();
    const { locks } = world.process("one");
    const end = gate();
    void locks.using("a", () => end.opened);
    const election = locks.elect("leader");
    await world.pass(0);
    expect(election.isLeader).toBe(true);
    const settled = watch(locks.settle());
    await world.pass(0);
    expect([settled.isSettled, election.isLeader]).toEqual([false, false]);
    end.open();
    await world.pass(0);
    expect(settled.isSettled).toBe(true);
  });
});

describe("a register", () => {
  test("refuses writers with an old token", async () => {
    const world = new LockWorld();
    const { locks } = world.process("one");
    const register = locks.register("report");
    expect(await register.read()).toBeUndefined();
    const old = await locks.acquire("a");
    await old.release();
    const lock = await locks.acquire("a");
    await register.write("1", lock);
    await register.write("2", lock);
    const error = await rejection<StaleTokenError>(register.write("3", old));
    expect(error).toBeInstanceOf(StaleTokenError);
    expect(error).toMatchObject({ token: old.token, seen: lock.token, status: 409 });
    expect(await locks.register("report").read()).toEqual({ value: "2", token: lock.token });
    await register.write("4", { token: lock.token + 1 }, { life: "1s" });
    await world.pass(1_000);
    expect(await register.read()).toBeUndefined();
  });

  test("takes text, a token and a duration", async () => {
    const register = new LockWorld().process("one").locks.register("report");
    for (const token of [-1, 1.5, Number.NaN, undefined] as number[])
      await expect(register.write("1", { token })).rejects.toThrow(TypeError);
    await expect(register.write({} as string, { token: 1 })).rejects.toThrow(/JSON/);
    await expect(register.write("1", { token: 1 }, { life: "1" as never })).rejects.toThrow(TypeError);
  });
});
