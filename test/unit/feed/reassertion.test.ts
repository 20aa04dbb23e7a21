import { describe, expect, test } from "vitest";
import type { LogHint } from "../../../src/feed/hint.js";
import { LogBench, type FollowerForTest } from "./log-bench.js";

const numbers = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `${index + 1}`);

/** Followers that have applied all of it, each with another pause before it appends what was lost. */
async function followers(bench: LogBench, count: number, payloads: readonly string[]): Promise<FollowerForTest[]> {
  const all = await Promise.all(
    Array.from({ length: count }, (_, index) => bench.begun({ random: () => index / count })),
  );
  await bench.appendAll(...payloads);
  await syncAll(all);
  return all;
}

async function syncAll(all: readonly FollowerForTest[]): Promise<void> {
  await Promise.all(all.map(({ follower }) => follower.sync()));
}

const count = (counted: readonly string[], what: string): number => counted.filter((each) => each === what).length;

describe("what a failover lost", () => {
  test("is appended again once, however many noticed it, in its order, and nothing else is", async () => {
    const bench = new LogBench();
    const all = await followers(bench, 5, numbers(10));
    bench.lose(4);
    await syncAll(all);
    await bench.clock.advanceAsync(500);
    await syncAll(all);
    expect(bench.payloads).toEqual(numbers(10));
    for (const { notes } of all) expect(notes).toEqual([...numbers(10), "fork", "7", "8", "9", "10"]);
    // The first that came did it; the others found it done.
    expect(all.map(({ counted }) => count(counted, "reassertion"))).toEqual([4, 0, 0, 0, 0]);
  });

  test("is appended once also when all who noticed do it at the same moment", async () => {
    const bench = new LogBench();
    const all = await followers(bench, 5, numbers(10));
    bench.lose(4);
    // Nobody begins before all know what the log has.
    const reads: (() => void)[] = [];
    bench.fault = (method, when) => {
      if (method !== "read" || when !== "after") return undefined;
      return new Promise<void>((resolve) => {
        reads.push(resolve);
        if (reads.length === all.length) for (const release of reads) release();
      });
    };
    await syncAll(all);
    await bench.clock.advanceAsync(500);
    expect(reads).toHaveLength(5);
    expect(bench.payloads).toEqual(numbers(10));
    await syncAll(all);
    for (const { notes } of all) expect(notes).toEqual([...numbers(10), "fork", "7", "8", "9", "10"]);
  });

  test.each([
    [600, 1],
    [1_300, 1],
    [1_300, 3],
  ])("is appended again when it is many: %i, by %i", async (lost, instances) => {
    const bench = new LogBench();
    const all = await followers(bench, instances, numbers(lost));
    bench.lose(lost);
    await syncAll(all);
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(numbers(lost));
    await syncAll(all);
    for (const { notes } of all) expect(notes).toEqual([...numbers(lost), "fork", ...numbers(lost)]);
  });

  test("is found behind all that was appended since", async () => {
    const bench = new LogBench();
    const all = await followers(bench, 1, ["kept", "lost"]);
    bench.lose(1);
    await syncAll(all);
    const busy = numbers(700);
    await bench.appendAll(...busy);
    bench.fault = async (method, when) => {
      if (method !== "read" || when !== "after") return;
      bench.fault = () => undefined;
      await bench.appendAll(...busy);
    };
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["kept", ...busy, ...busy, "lost"]);
  });

  test("is that of the last minute", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    await bench.append("old");
    await follower.sync();
    bench.clock.advance(60_001);
    await bench.append("new");
    await follower.sync();
    bench.lose(2);
    await follower.sync();
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["new"]);
  });

  test("is also what this instance appended and had not applied yet", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    follower.hint(await bench.append("applied"));
    const { entry } = await bench.append("appended");
    follower.appended(entry);
    bench.lose(2);
    await follower.sync();
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["applied", "appended"]);
  });

  test("is appended again in its order, also where the word of an own one came before the hint of another", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    const [first, second] = await bench.appendAll("1", "2");
    follower.appended((second as LogHint).entry);
    follower.hint(first as LogHint);
    bench.lose(2);
    await follower.sync();
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["1", "2"]);
  });

  test("is also what another program had appended, once, by however many", async () => {
    const bench = new LogBench();
    const all = await Promise.all([bench.begun({ random: () => 0 }), bench.begun({ random: () => 0 })]);
    await bench.append("kept");
    bench.plant("foreign 1");
    bench.plant("foreign 2");
    await syncAll(all);
    bench.lose(2);
    await syncAll(all);
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["kept", "foreign 1", "foreign 2"]);
    await syncAll(all);
    for (const { notes } of all) {
      expect(notes).toEqual(["kept", "foreign 1", "foreign 2", "fork", "foreign 1", "foreign 2"]);
    }
    // Lost once more, it is still the same.
    bench.lose(2);
    await syncAll(all);
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["kept", "foreign 1", "foreign 2"]);
  });

  test("is appended later when the log cannot be read or written just then", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    await bench.appendAll("1", "2", "3");
    await follower.sync();
    bench.lose(3);
    await follower.sync();
    bench.fail("read");
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual([]);
    let appends = 0;
    bench.fault = (method, when) => {
      if (method === "append" && when === "after" && (appends += 1) === 2) throw new Error("the reply is lost");
    };
    await bench.clock.advanceAsync(1_500);
    expect(bench.payloads).toEqual(["1", "2"]);
    await bench.clock.advanceAsync(1_500);
    expect(bench.payloads).toEqual(["1", "2", "3"]);
  });

  test("is not appended again in a log whose entries tell of what was lost with them", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun({ reasserts: false });
    await bench.appendAll("1", "2");
    await follower.sync();
    bench.lose(1);
    await follower.sync();
    await bench.clock.advanceAsync(5_000);
    expect(bench.payloads).toEqual(["1"]);
    await bench.append("3");
    await follower.sync();
    expect(notes).toEqual(["1", "2", "fork", "3"]);
  });

  test("is given up by a follower that is closed", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    await bench.appendAll("1", "2");
    await follower.sync();
    bench.lose(2);
    await follower.sync();
    follower.close();
    expect(bench.clock.timers).toBe(0);
    const another = await bench.begun();
    await bench.appendAll("1", "2", "3");
    await another.follower.sync();
    bench.lose(3);
    await another.follower.sync();
    const { held, release } = bench.hold("append", "after");
    await bench.clock.advanceAsync(500);
    await held;
    another.follower.close();
    release();
    await bench.clock.advanceAsync(5_000);
    expect(bench.payloads).toEqual(["1"]);
  });

  test("is appended again after a second failover, also one that comes before it was done", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    await bench.appendAll("1", "2");
    await follower.sync();
    bench.lose(1);
    await follower.sync();
    bench.lose(2);
    await follower.sync();
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["1", "2"]);
    await follower.sync();
    bench.lose(2);
    await follower.sync();
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["1", "2"]);
    await follower.sync();
    expect(notes).toEqual(["1", "2", "fork", "fork", "1", "2", "fork", "1", "2"]);
  });
});

describe("what was not lost", () => {
  test("is not appended again where an entry before it was trimmed away by hand", async () => {
    const bench = new LogBench();
    const quick = await bench.begun();
    const slow = await bench.begun();
    const hints = await bench.appendAll("1", "2", "3", "4", "5");
    for (const hint of hints) quick.follower.hint(hint);
    for (const hint of hints.slice(0, 2)) slow.follower.hint(hint);
    bench.entries.splice(0, bench.entries.length - 2);
    await syncAll([quick, slow]);
    expect([quick.counted, slow.counted]).toEqual([[], ["fork"]]);
    await bench.clock.advanceAsync(500);
    expect(bench.payloads.toSorted()).toEqual(["1", "2", "4", "5"]);
    await syncAll([quick, slow]);
    // Of those that were trimmed nobody can know; whoever has applied them does not apply them again.
    expect(quick.notes).toEqual(["1", "2", "3", "4", "5"]);
    expect(slow.notes).toEqual(["1", "2", "fork", "1", "2"]);
  });

  test("is applied once, however often it is in the log, and again after a flush", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    const again = async (operation: string): Promise<void> => {
      // As if so much had come in between that the log could not know it.
      const entry = await bench.append(operation, { operation: `${operation}!` });
      (bench.entries.at(-1) as { operation: string }).operation = operation;
      follower.hint({ ...entry, entry: { ...entry.entry, operation } });
    };
    for (const operation of ["a", "b", "a", "a"]) await again(operation);
    await follower.sync();
    expect(notes).toEqual(["a", "b"]);
    bench.clock.advance(119_999);
    await again("b");
    expect(notes).toEqual(["a", "b"]);
    bench.lose(1);
    await follower.sync();
    await again("a");
    expect(notes).toEqual(["a", "b", "fork", "a"]);
  });
});
