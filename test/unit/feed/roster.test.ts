import { describe, expect, onTestFinished, test } from "vitest";
import type { MemoryBackend } from "../../../src/backend/backend.js";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { createMemoryRosterStore } from "../../../src/feed/memory-roster-store.js";
import type { RosterRow, RosterStore } from "../../../src/feed/roster-store.js";
import { Roster, type InstanceDetails, type RosterOptions } from "../../../src/feed/roster.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { settle } from "../backend/open-backend.js";

interface RosterForTest {
  readonly roster: Roster;
  /** Of whom it was told that they differ, and in what. */
  readonly differs: string[];
  /** What it tells of itself from now on. */
  readonly details: { -readonly [K in keyof InstanceDetails]: InstanceDetails[K] };
  positions: Record<string, string>;
}

/** Rosters on one backend in memory, on a clock that stands still. */
class RosterBench {
  readonly clock = new FakeClock();
  readonly backend: MemoryBackend = createMemoryBackend({ namespace: "test", instanceId: "b", clock: this.clock });
  readonly store: RosterStore = createMemoryRosterStore(this.backend);
  /** Every call that reached the store. */
  readonly calls: string[] = [];
  /** What goes wrong with each call; may wait, and may throw. */
  fault: (method: keyof RosterStore, id: string) => void | Promise<void> = () => undefined;

  constructor() {
    onTestFinished(() => this.backend.close());
  }

  open(
    id: string,
    options: Partial<RosterOptions> & { readonly settings?: Record<string, string> } = {},
  ): RosterForTest {
    const { settings = {}, ...more } = options;
    const details = { name: `name of ${id}`, version: "1.0.0", settings };
    const opened: Omit<RosterForTest, "roster"> = { differs: [], details, positions: {} };
    const through = async <T>(method: keyof RosterStore, call: () => Promise<T>): Promise<T> => {
      this.calls.push(`${method} ${id}`);
      await this.fault(method, id);
      return call();
    };
    const roster = new Roster({
      store: {
        beat: (params) => through("beat", () => this.store.beat(params)),
        read: () => through("read", () => this.store.read()),
        leave: (params) => through("leave", () => this.store.leave(params)),
      },
      clock: this.clock,
      id,
      details: () => structuredClone(details),
      positions: () => opened.positions,
      onDiffer: (other, parts) => void opened.differs.push(`${other.id} in ${parts.join()}`),
      random: () => 0.5,
      ...more,
    });
    onTestFinished(() => roster.close());
    return Object.assign(opened, { roster });
  }

  /** Lets time pass, with turns enough for everything that follows from it. */
  async pass(duration: number): Promise<void> {
    await this.clock.advanceAsync(duration);
    await settle();
  }

  beats(id: string): number {
    return this.calls.filter((call) => call === `beat ${id}`).length;
  }

  /** Writes a row by hand. */
  async write(id: string, details: string, positions = ""): Promise<void> {
    await this.store.beat({ id, positions, details, forget: 0 });
  }
}

const ids = async ({ roster }: RosterForTest): Promise<readonly string[]> =>
  (await roster.instances()).map(({ id }) => id);

describe("an instance", () => {
  test("says at once that it lives, then every two seconds", async () => {
    const bench = new RosterBench();
    const one = bench.open("one");
    await bench.pass(1);
    expect(bench.beats("one")).toBe(1);
    expect(await ids(one)).toEqual(["one"]);
    await bench.pass(20_000);
    expect(bench.beats("one")).toBe(11);
  });

  test("says so when letters to it are heard, or after two seconds", async () => {
    const bench = new RosterBench();
    let begin = (): void => undefined;
    bench.open("one", { listening: new Promise((resolve) => void (begin = resolve)) });
    bench.open("deaf", { listening: new Promise(() => undefined) });
    await bench.pass(1_500);
    expect(bench.calls).toEqual([]);
    begin();
    await bench.pass(1);
    expect(bench.calls.slice(0, 1)).toEqual(["beat one"]);
    expect(bench.beats("deaf")).toBe(0);
    await bench.pass(499);
    expect(bench.beats("deaf")).toBe(1);
    await bench.pass(2_000);
    expect([bench.beats("one"), bench.beats("deaf")]).toEqual([2, 2]);
  });

  test("does so a tenth earlier or later, so that many do not do it at once", async () => {
    for (const [random, beats] of [
      [0, 12],
      [0.999, 10],
    ] as const) {
      const bench = new RosterBench();
      bench.open("one", { random: () => random });
      await bench.pass(20_000);
      expect(bench.beats("one")).toBe(beats);
    }
  });

  test("tells who it is, and how far it is", async () => {
    const bench = new RosterBench();
    const [one, two] = [bench.open("one", { settings: { fleet: "f" } }), bench.open("two")];
    two.positions = { "cache/b0": "1767225600000-1", "a|b&c=d é%/+ e": "1|2&3=4 é%/+ 5", "": "0-0" };
    await bench.pass(1);
    bench.clock.advance(700);
    const [first, second] = await one.roster.instances();
    expect(first).toEqual({
      id: "one",
      name: "name of one",
      version: "1.0.0",
      settings: { fleet: "f" },
      age: 700,
      self: true,
      positions: {},
    });
    expect(second).toMatchObject({ id: "two", self: false, positions: two.positions });
    two.positions = { "cache/b0": "1767225600000-2" };
    await bench.pass(2_000);
    expect((await one.roster.instances())[1]?.positions).toEqual({ "cache/b0": "1767225600000-2" });
  });

  test("tells soon what has changed of it", async () => {
    const bench = new RosterBench();
    const [one, two] = [bench.open("one"), bench.open("two")];
    await bench.pass(1);
    two.details.name = "another | name\nin two lines";
    two.roster.changed();
    two.roster.changed();
    await bench.pass(1);
    expect((await one.roster.instances()).map(({ name }) => name)).toEqual([
      "another | name\nin two lines",
      "name of one",
    ]);
    expect(bench.beats("two")).toBe(2);
    await bench.pass(2_000);
    expect(bench.beats("two")).toBe(3);
  });

  test("counts as gone after six seconds without a beat, and is back with the next", async () => {
    const bench = new RosterBench();
    const [one] = [bench.open("one"), bench.open("two")];
    await bench.pass(1);
    bench.fault = (method, id) => {
      if (method === "beat" && id === "two") throw new Error("lost");
    };
    await bench.pass(5_998);
    expect(await ids(one)).toEqual(["one", "two"]);
    await bench.pass(2);
    expect(await ids(one)).toEqual(["one"]);
    bench.fault = () => undefined;
    await bench.pass(2_000);
    expect(await ids(one)).toEqual(["one", "two"]);
  });

  test("is forgotten by the others after a minute without a beat", async () => {
    const bench = new RosterBench();
    const one = bench.open("one");
    await bench.write("dead", JSON.stringify(one.details));
    const rows = async (): Promise<readonly string[]> => (await bench.store.read()).rows.map(({ id }) => id);
    await bench.pass(59_000);
    expect(await rows()).toEqual(["dead", "one"]);
    // One beat in ten looks after the dead.
    await bench.pass(21_000);
    expect(await rows()).toEqual(["one"]);
  });

  test("that leaves is gone at once, and says nothing more", async () => {
    const bench = new RosterBench();
    const [one, two] = [bench.open("one"), bench.open("two")];
    await bench.pass(1);
    await two.roster.close();
    expect(await ids(one)).toEqual(["one"]);
    two.roster.changed();
    await bench.pass(10_000);
    expect(bench.beats("two")).toBe(1);
    expect(await ids(one)).toEqual(["one"]);
  });

  test("that leaves while a beat of its own is under way does not come back with it", async () => {
    const bench = new RosterBench();
    const [one, two] = [bench.open("one"), bench.open("two")];
    await bench.pass(1);
    const held: (() => void)[] = [];
    bench.fault = (method, id) =>
      method === "beat" && id === "two" ? new Promise<void>((resolve) => void held.push(resolve)) : undefined;
    // Longer than a beat may take: the next ones are due as well.
    await bench.pass(4_100);
    two.roster.changed();
    await bench.pass(100);
    const closing = two.roster.close();
    await settle();
    bench.fault = () => undefined;
    // The last first: what arrives last counts.
    held.pop()?.();
    await closing;
    for (const release of held) release();
    await bench.pass(5_000);
    expect(await ids(one)).toEqual(["one"]);
  });

  test("sends one beat at a time, and the one that was asked for meanwhile right after", async () => {
    const bench = new RosterBench();
    const one = bench.open("one");
    await bench.pass(1);
    let release = (): void => undefined;
    bench.fault = () => new Promise<void>((resolve) => void (release = resolve));
    await bench.pass(2_000);
    expect(bench.beats("one")).toBe(2);
    await bench.pass(6_000);
    expect(bench.beats("one")).toBe(2);
    one.roster.changed();
    await bench.pass(1);
    expect(bench.beats("one")).toBe(2);
    bench.fault = () => undefined;
    release();
    await bench.pass(1);
    expect(bench.beats("one")).toBe(3);
    await bench.pass(2_000);
    expect(bench.beats("one")).toBe(4);
  });

  test("goes on after beats that failed, and leaves also when the backend is gone", async () => {
    const bench = new RosterBench();
    const one = bench.open("one");
    bench.fault = () => Promise.reject(new Error("no server"));
    await bench.pass(6_001);
    expect(bench.beats("one")).toBe(4);
    await expect(one.roster.instances()).rejects.toThrow("no server");
    bench.fault = () => undefined;
    await bench.pass(2_000);
    expect(await ids(one)).toEqual(["one"]);
    await bench.backend.close();
    await expect(one.roster.close()).resolves.toBeUndefined();
    expect(bench.clock.timers).toBe(0);
  });
});

describe("instances that are set up differently", () => {
  test("are told of on both sides, once, with the parts in which they differ", async () => {
    const bench = new RosterBench();
    const one = bench.open("one", { settings: { fleet: "f", sessions: "s", cache: "c" } });
    const two = bench.open("two", { settings: { fleet: "f", sessions: "S", cache: "C" } });
    await bench.pass(1);
    await bench.pass(2_000);
    expect([one.differs, two.differs]).toEqual([["two in sessions,cache"], ["one in sessions,cache"]]);
    await bench.pass(30_000);
    bench.open("three", { settings: { fleet: "f" } });
    await bench.pass(30_000);
    expect([one.differs, two.differs]).toEqual([["two in sessions,cache"], ["one in sessions,cache"]]);
  });

  test("are told of again when they differ in something else, and not when they become alike", async () => {
    const bench = new RosterBench();
    const one = bench.open("one", { settings: { sessions: "s", cache: "c" } });
    const two = bench.open("two", { settings: { sessions: "S", cache: "c" } });
    await bench.pass(4_000);
    two.details.settings = { sessions: "s", cache: "C" };
    two.roster.changed();
    await bench.pass(4_000);
    two.details.settings = { sessions: "s", cache: "c" };
    two.roster.changed();
    await bench.pass(4_000);
    expect(one.differs).toEqual(["two in sessions", "two in cache"]);
  });

  test("are not told of for rooms that only one of them uses", async () => {
    const bench = new RosterBench();
    const core = bench.open("core", { settings: { fleet: "f", cache: "c" } });
    const gui = bench.open("gui", { settings: { fleet: "f", sessions: "s", toString: "t" } });
    await bench.pass(10_000);
    expect([core.differs, gui.differs]).toEqual([[], []]);
  });

  test("are told of also when the roster could not be read at first", async () => {
    const bench = new RosterBench();
    const one = bench.open("one", { settings: { fleet: "f" } });
    await bench.pass(1);
    let failures = 0;
    bench.fault = (method, id) => {
      if (method !== "read" || id !== "one" || (failures += 1) > 2) return;
      throw new Error("lost");
    };
    bench.open("two", { settings: { fleet: "F" } });
    await bench.pass(10_000);
    expect([failures > 2, one.differs]).toEqual([true, ["two in fleet"]]);
  });

  test("are told of to an instance that has long been there, and whoever is gone is not", async () => {
    const bench = new RosterBench();
    await bench.write("dead", JSON.stringify({ name: "dead", version: "1", settings: { fleet: "F" } }));
    bench.clock.advance(6_000);
    const one = bench.open("one", { settings: { fleet: "f" } });
    await bench.pass(10_000);
    expect(one.differs).toEqual([]);
    bench.open("two", { settings: { fleet: "F" } });
    await bench.pass(4_000);
    expect(one.differs).toEqual(["two in fleet"]);
  });
});

describe("what others write into the roster", () => {
  const nonsense = [
    "",
    "{",
    "null",
    "5",
    '"text"',
    "[]",
    "{}",
    '{"name":"x","version":"1"}',
    '{"name":"x","version":"1","settings":null}',
    '{"name":"x","version":"1","settings":[]}',
    '{"name":"x","version":"1","settings":{"fleet":1}}',
    '{"name":1,"version":"1","settings":{}}',
    '{"name":"x","version":2,"settings":{}}',
  ];

  test.each(nonsense)("is no instance: %s", async (details) => {
    const bench = new RosterBench();
    await bench.write("stranger", details);
    const one = bench.open("one", { settings: { fleet: "f" } });
    const two = bench.open("two", { settings: { fleet: "F" } });
    await bench.pass(4_000);
    expect(await ids(one)).toEqual(["one", "two"]);
    // Nor does it keep anybody from being compared.
    expect([one.differs, two.differs]).toEqual([["two in fleet"], ["one in fleet"]]);
  });

  test("is no instance without an id: nobody could be reached under it", async () => {
    const bench = new RosterBench();
    const one = bench.open("one");
    await bench.write("", JSON.stringify(one.details));
    await bench.pass(1);
    expect(await ids(one)).toEqual(["one"]);
  });

  test("may be more than this release knows", async () => {
    const bench = new RosterBench();
    const one = bench.open("one");
    await bench.write("later", JSON.stringify({ name: "later", version: "9", settings: {}, more: [1] }), "x=1-0&y");
    await bench.pass(1);
    expect((await one.roster.instances()).map(({ id, positions }) => [id, positions])).toEqual([
      ["later", { x: "1-0", y: "" }],
      ["one", {}],
    ]);
  });
});

test("ages are never below zero, also where a failover set the server's clock back", async () => {
  const row: RosterRow = {
    id: "one",
    beat: 5_000,
    positions: "",
    details: '{"name":"one","version":"1","settings":{}}',
  };
  const store: RosterStore = {
    beat: async () => ({ now: 1_000, version: 1 }),
    read: async () => ({ now: 1_000, rows: [row] }),
    leave: async () => undefined,
  };
  const bench = new RosterBench();
  const { roster } = bench.open("two", { store });
  expect((await roster.instances()).map(({ id, age }) => [id, age])).toEqual([["one", 0]]);
});

test("a beat that is refused for good is told once, and again after one that was not", async () => {
  const bench = new RosterBench();
  const refusals: string[] = [];
  let fault: Error | undefined = Object.assign(new Error("NOPERM"), { retryable: false });
  bench.fault = (method) => {
    if (method === "beat" && fault !== undefined) throw fault;
  };
  bench.open("one", { onRefused: (error) => refusals.push(error.message) });
  for (let second = 0; second < 7; second += 1) {
    await bench.clock.advanceAsync(1_000);
    await settle();
  }
  expect(refusals).toEqual(["NOPERM"]);
  fault = undefined;
  for (let second = 0; second < 3; second += 1) {
    await bench.clock.advanceAsync(1_000);
    await settle();
  }
  fault = Object.assign(new Error("away for a moment"), { retryable: true });
  for (let second = 0; second < 3; second += 1) {
    await bench.clock.advanceAsync(1_000);
    await settle();
  }
  fault = Object.assign(new Error("NOPERM again"), { retryable: false });
  for (let second = 0; second < 3; second += 1) {
    await bench.clock.advanceAsync(1_000);
    await settle();
  }
  expect(refusals).toEqual(["NOPERM", "NOPERM again"]);
});
