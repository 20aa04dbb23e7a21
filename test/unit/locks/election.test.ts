import { describe, expect, test } from "vitest";
import { resolveLogger } from "../../../src/core/logger.js";
import { Candidate } from "../../../src/locks/election.js";
import type { ElectOptions, LockHolder } from "../../../src/locks/index.js";
import { gate, LockWorld, unreachable, watch, type ProcessForTest } from "./lock-world.js";

/** Stands for a leadership, and keeps what it was told. */
function stand({ locks, id }: ProcessForTest, notes: string[], options: ElectOptions = {}) {
  return locks.elect("chief", {
    onElected: ({ term, signal }) => {
      notes.push(`${id} leads`);
      signal.addEventListener("abort", () => notes.push(`${id} ends`));
      expect(term).toBeGreaterThan(0);
    },
    onDemoted: () => void notes.push(`${id} led`),
    ...options,
  });
}

describe("an election", () => {
  test("has one leader at a time, and the next one when it resigns", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const notes: string[] = [];
    const first = stand(one, notes, { owner: "ann" });
    await world.pass(0);
    const second = stand(two, notes);
    await world.pass(0);
    expect([first.isLeader, second.isLeader, second.term]).toEqual([true, false, undefined]);
    expect(await second.leader()).toMatchObject({ instance: "one", owner: "ann", token: first.term });
    const { term } = first;
    await first.resign();
    await world.pass(0);
    expect([first.isLeader, second.isLeader]).toEqual([false, true]);
    expect(second.term).toBeGreaterThan(term as number);
    await world.pass(1_500);
    // It stands by again.
    expect((await world.process("three").locks.inspect("chief")).waiting).toMatchObject([{ instance: "one" }]);
    await second.close();
    await world.pass(0);
    expect(first.isLeader).toBe(true);
    expect(notes).toEqual(["one leads", "one ends", "one led", "two leads", "two ends", "two led", "one leads"]);
  });

  test("comes back to the only one who stands for it", async () => {
    const world = new LockWorld();
    const election = stand(world.process("one"), []);
    await world.pass(0);
    const { term } = election;
    await election.resign();
    await world.pass(900);
    expect(election.isLeader).toBe(false);
    await world.pass(200);
    expect(election.term).toBeGreaterThan(term as number);
  });

  test("has no new leader by a resignation before the old one's work has ended", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const end = gate();
    const first = stand(one, [], { onElected: () => end.opened });
    await world.pass(0);
    const second = stand(two, []);
    const resigned = watch(first.resign());
    await world.pass(20_000);
    expect([first.isLeader, second.isLeader, resigned.isSettled]).toEqual([false, false, false]);
    end.open();
    await world.pass(0);
    expect([second.isLeader, resigned.isSettled]).toEqual([true, true]);
  });

  test.each(["resign", "close"] as const)("may be ended by %s from within `onElected`", async (how) => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    let work: Promise<void> | undefined;
    const first = stand(one, [], {
      onElected: async () => {
        await Promise.resolve();
        await first[how]();
        work = Promise.resolve();
      },
    });
    await world.pass(0);
    const second = stand(two, []);
    await world.pass(2_000);
    expect(work).toBeDefined();
    expect(second.isLeader).toBe(true);
  });

  test("is given up when `onElected` fails, and goes on when `onDemoted` does", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const notes: string[] = [];
    const fail = (): never => {
      throw new Error("mine");
    };
    const first = stand(one, notes, { onElected: () => Promise.reject(new Error("mine")), onDemoted: fail });
    const second = stand(two, notes);
    await world.pass(0);
    expect([first.isLeader, second.isLeader]).toEqual([false, true]);
    expect(one.logged).toEqual(["WARN_FLEET_ELECTION", "WARN_FLEET_ELECTION"]);
    await second.close();
    await world.pass(3_000);
    expect(one.logged.length).toBeGreaterThan(2);
  });

  test("is lost with its lock, and stood for again", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const notes: string[] = [];
    const election = stand(one, notes);
    await world.pass(6_000);
    await two.locks.forceRelease("chief", { by: "ann" });
    await world.pass(10);
    expect(notes).toEqual(["one leads", "one ends", "one led", "one leads"]);
    expect(election.isLeader).toBe(true);
  });

  test("waits for a backend that is away", async () => {
    const world = new LockWorld();
    const one = world.process("one");
    one.store.fault = () => ({ error: unreachable() });
    const election = stand(one, []);
    await world.pass(3_000);
    expect(election.isLeader).toBe(false);
    expect(one.logged).toContain("WARN_FLEET_ELECTION");
    one.store.fault = () => undefined;
    await world.pass(6_000);
    expect(election.isLeader).toBe(true);
  });

  test("calls nobody who closed just when the leadership came", async () => {
    const world = new LockWorld();
    const { locks, clock, store } = world.process("one");
    const notes: string[] = [];
    const candidate: Candidate = new Candidate(
      "chief",
      { onElected: () => void notes.push("leads") },
      {
        clock,
        logger: resolveLogger(false),
        lease: 15_000,
        onClosed: () => notes.push("closed"),
        locks: {
          inspect: (name) => locks.inspect(name),
          async acquire(name) {
            const lock = await locks.acquire(name);
            void candidate.close();
            return lock;
          },
        },
      },
    );
    await world.pass(0);
    expect(notes).toEqual(["closed"]);
    expect(store.count("end")).toBe(1);
  });

  test("does not gather listeners with every resignation", async () => {
    const world = new LockWorld();
    const election = stand(world.process("one"), []);
    let added = 0;
    const { addEventListener, removeEventListener } = AbortSignal.prototype;
    const count = (by: number, original: typeof addEventListener): typeof addEventListener =>
      function (this: AbortSignal, ...args: Parameters<typeof addEventListener>) {
        added += by;
        return original.apply(this, args);
      } as typeof addEventListener;
    AbortSignal.prototype.addEventListener = count(1, addEventListener);
    AbortSignal.prototype.removeEventListener = count(-1, removeEventListener as never) as never;
    try {
      await world.pass(0);
      const before = added;
      for (let round = 0; round < 5; round += 1) {
        await election.resign();
        await world.pass(1_100);
      }
      expect(election.isLeader).toBe(true);
      // Each reign has two on its own signal, which goes with it; the rest in between leaves none.
      expect(added - before).toBeLessThanOrEqual(5 * 2);
    } finally {
      AbortSignal.prototype.addEventListener = addEventListener;
      AbortSignal.prototype.removeEventListener = removeEventListener;
    }
  });
});

describe("whoever observes an election", () => {
  test("is told who leads, now and when that changes", async () => {
    const world = new LockWorld();
    const [one, two] = [world.process("one"), world.process("two")];
    const seen: (string | undefined)[] = [];
    const second = stand(two, []);
    await world.pass(0);
    const end = second.observe((leader: LockHolder | undefined) => void seen.push(leader?.instance));
    await world.pass(0);
    const first = stand(one, []);
    await world.pass(20_000);
    await second.close();
    await world.pass(6_000);
    expect(seen).toEqual(["two"]);
    end();
    const other = first.observe((leader) => void seen.push(leader?.instance));
    await world.pass(0);
    other();
    expect(seen).toEqual(["two", "one"]);
  });

  test("may fail, or end it while it is told, and is told nothing after the close", async () => {
    const world = new LockWorld();
    const one = world.process("one");
    const election = stand(one, []);
    await world.pass(0);
    const seen: string[] = [];
    election.observe(() => {
      throw new Error("mine");
    });
    const end = election.observe(() => {
      seen.push("told");
      end();
    });
    await world.pass(0);
    expect([seen, one.logged]).toEqual([["told"], ["WARN_FLEET_LISTENER"]]);
    const inspections = one.store.count("inspect");
    await world.pass(5_100);
    // Only the first goes on.
    expect(one.store.count("inspect")).toBe(inspections + 1);
    await election.close();
    election.observe(() => void seen.push("late"));
    await world.pass(10_000);
    expect(one.store.count("inspect")).toBe(inspections + 1);
    expect(seen).toEqual(["told"]);
  });
});
