import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Lock } from "../../../src/locks/index.js";
import { gate, LockWorld, lostAnswer, unreachable, type ProcessForTest } from "./lock-world.js";
import type { StoreFault } from "./scripted-lock-store.js";

/** What one of them does: comes, waits for so long at most, and holds for so long. */
interface Visit {
  readonly process: number;
  readonly at: number;
  readonly wait: number;
  readonly hold: number;
  readonly lease: number;
  readonly force: "steal" | "force" | undefined;
}

interface Trouble {
  readonly kind: "none" | "late" | "slow" | "unreachable" | "lost" | "done";
  readonly delay: number;
}

const milliseconds = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });

const visitsWith = (force: fc.Arbitrary<Visit["force"]>): fc.Arbitrary<Visit[]> =>
  fc.array(
    fc.record({
      process: fc.integer({ min: 0, max: 2 }),
      at: milliseconds(4_000),
      wait: fc.oneof(milliseconds(500), fc.constant(0), fc.constant(60_000)),
      hold: fc.oneof(fc.constant(0), milliseconds(40), milliseconds(3_000)),
      lease: fc.constantFrom(400, 2_000, 15_000),
      force,
    }),
    { minLength: 2, maxLength: 12 },
  );

const troubles: fc.Arbitrary<Trouble[]> = fc.array(
  fc.record({
    kind: fc.oneof(
      { weight: 4, arbitrary: fc.constant("none" as const) },
      fc.constantFrom("late" as const, "slow" as const, "unreachable" as const, "lost" as const, "done" as const),
    ),
    delay: milliseconds(1_500),
  }),
  { minLength: 1, maxLength: 40 },
);

/** When one of them, in turn, begins or ends to miss its letters. */
const deafness = fc.array(milliseconds(5_000), { maxLength: 6 });

class Play {
  readonly world = new LockWorld();
  readonly processes: readonly ProcessForTest[];
  readonly held = new Set<Lock>();
  readonly tokens: number[] = [];
  readonly come: number[][] = [[], [], []];
  readonly served: number[][] = [[], [], []];
  readonly unexpected: unknown[] = [];
  #running = 0;
  #calls = 0;

  readonly #isPeaceful: boolean;

  constructor(troubles: readonly Trouble[], isPeaceful: boolean) {
    this.#isPeaceful = isPeaceful;
    this.processes = ["one", "two", "three"].map((id) => this.world.process(id));
    for (const { store } of this.processes)
      store.fault = () => this.#faultOf(troubles[this.#calls++ % troubles.length]);
  }

  /** Milliseconds of the fake clock. */
  pause(duration: number): Promise<void> {
    const over = gate();
    this.world.clock.setTimeout(() => over.open(), duration);
    return over.opened;
  }

  async visit(number: number, { process, at, wait, hold, lease, force }: Visit): Promise<void> {
    this.#running += 1;
    await this.pause(at);
    const { locks, id } = this.processes[process] as ProcessForTest;
    try {
      if (force === "force") return void (await locks.forceRelease("a", { by: id }));
      if (force === undefined && wait === 60_000) this.come[process]?.push(number);
      const stolen = force === "steal" ? await locks.steal("a", { by: id, lease }) : undefined;
      if (stolen?.status === "changed") return;
      const lock = stolen?.lock ?? (await locks.acquire("a", { wait, lease }));
      this.served[process]?.push(number);
      this.#enter(lock);
      await this.pause(hold);
      await lock.release();
      this.held.delete(lock);
    } catch (error) {
      this.served[process]?.push(number);
      if (!String((error as { code?: unknown }).code).startsWith("ERR_FLEET_")) this.unexpected.push(error);
    } finally {
      this.#running -= 1;
    }
  }

  /** Runs until all have come and gone; at every step one at most may believe to hold the lock. */
  async run(limit: number): Promise<void> {
    for (let passed = 0; passed < limit && this.#running > 0; passed += 20) {
      if (passed >= 10_000) this.calm();
      await this.world.clock.advanceAsync(20);
      for (let turn = 0; turn < 4; turn += 1) await nextTurn();
      this.check();
    }
    expect(this.#running).toBe(0);
    this.calm();
  }

  check(): void {
    // Whoever loses it by force may hear of it only when it renews.
    if (!this.#isPeaceful) return;
    expect([...this.held].filter(({ held }) => held).length).toBeLessThanOrEqual(1);
  }

  calm(): void {
    for (const { store } of this.processes) store.fault = () => undefined;
  }

  #enter(lock: Lock): void {
    if (lock.held) {
      this.tokens.push(lock.token);
      this.held.add(lock);
      this.check();
    }
  }

  #faultOf(trouble: Trouble | undefined): StoreFault | undefined {
    const { kind = "none", delay = 0 } = trouble ?? {};
    if (kind === "late") return { arrives: this.pause(delay) };
    if (kind === "slow") return { answers: this.pause(delay) };
    if (kind === "unreachable") return { error: unreachable() };
    if (kind === "lost") return { error: lostAnswer() };
    return kind === "done" ? { error: lostAnswer(), isDone: true, answers: this.pause(delay) } : undefined;
  }
}

/** The spread of polls and retries, the same at each run of a case. */
function fixChance(): void {
  let state = 1;
  vi.spyOn(Math, "random").mockImplementation(() => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  });
}

afterEach(() => void vi.restoreAllMocks());

describe("processes that contend for a lock, whatever calls are late, lost or refused", () => {
  async function play(all: readonly Visit[], faults: readonly Trouble[], deaf: readonly number[]): Promise<Play> {
    fixChance();
    const play = new Play(
      faults,
      all.every(({ force }) => force === undefined),
    );
    for (const [index, at] of deaf.entries()) {
      const process = play.processes[index % 3] as ProcessForTest;
      void play.pause(at).then(() => (process.isDeaf = !process.isDeaf));
    }
    const ends = all.map((visit, number) => play.visit(number, visit));
    await play.run(100_000);
    await Promise.all(ends);
    expect(play.unexpected).toEqual([]);
    // In each process in the order of their coming.
    for (const [process, come] of play.come.entries())
      expect(play.served[process]?.filter((number) => come.includes(number))).toEqual(come);
    await play.world.pass(4_000);
    for (const { locks } of play.processes) expect(locks.here()).toMatchObject({ held: [], pending: [] });
    expect(await play.processes[0]?.locks.inspect("a")).toMatchObject({ holder: undefined, waiting: [] });
    return play;
  }

  test("never hold it together, get rising tokens, are all served or refused, and leave nothing behind", async () => {
    const peaceful = visitsWith(fc.constant(undefined));
    const property = fc.asyncProperty(peaceful, troubles, deafness, async (all, faults, deaf) => {
      const { tokens } = await play(all, faults, deaf);
      expect(tokens).toEqual(tokens.toSorted((one, other) => one - other));
      expect(new Set(tokens).size).toBe(tokens.length);
    });
    await fc.assert(property, { numRuns: 150, seed: 20_261_120 });
  });

  test("are all served or refused, and leave nothing behind, where some take it by force", async () => {
    const forces = fc.constantFrom(undefined, undefined, undefined, "steal" as const, "force" as const);
    const property = fc.asyncProperty(visitsWith(forces), troubles, deafness, async (all, faults, deaf) => {
      await play(all, faults, deaf);
    });
    await fc.assert(property, { numRuns: 150, seed: 20_261_120 });
  });
});
