import { describe, expect, test } from "vitest";
import { comparePositions } from "../../../src/feed/log-store.js";
import { settle } from "../backend/open-backend.js";
import { LogBench } from "./log-bench.js";

const numbers = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `${index + 1}`);

describe("a follower", () => {
  test("begins with the end of the log: what was appended before does not concern it", async () => {
    const bench = new LogBench();
    await bench.appendAll("before", "also before");
    const { follower, notes } = await bench.begun();
    expect(follower.position).toBe(bench.entries.at(-1)?.position);
    await bench.append("after");
    await follower.sync();
    expect(notes).toEqual(["after"]);
  });

  test("has no position before it has begun, and lets hints pass", async () => {
    const bench = new LogBench();
    const { follower, notes, counted } = bench.follower();
    follower.hint(await bench.append("early"));
    expect([follower.position, notes, counted, bench.calls.sync]).toEqual([undefined, [], [], 0]);
  });

  test("applies hints in order as they come, and asks nobody", async () => {
    const bench = new LogBench();
    const { follower, notes, counted } = await bench.begun();
    for (const hint of await bench.appendAll("1", "2", "3")) follower.hint(hint);
    expect([notes, counted, bench.calls.sync]).toEqual([["1", "2", "3"], [], 1]);
    expect(follower.position).toBe(bench.entries.at(-1)?.position);
    await follower.sync();
    expect(notes).toEqual(["1", "2", "3"]);
  });

  test("ignores hints that come twice or late", async () => {
    const bench = new LogBench();
    const { follower, notes, counted } = await bench.begun();
    const hints = await bench.appendAll("1", "2", "3");
    for (const hint of [...hints, ...hints, ...hints.toReversed()]) follower.hint(hint);
    expect([notes, counted, bench.calls.sync]).toEqual([["1", "2", "3"], [], 1]);
  });

  test("reads on when a hint does not follow what it has applied", async () => {
    const bench = new LogBench();
    const { follower, notes, counted } = await bench.begun();
    const [first, , third] = await bench.appendAll("1", "2", "3");
    follower.hint(first as never);
    follower.hint(third as never);
    expect(notes).toEqual(["1"]);
    await settle();
    expect([notes, counted]).toEqual([["1", "2", "3"], ["gap"]]);
  });

  test("applies what another program appended, without origin, operation and hint", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    bench.plant("foreign 1");
    bench.plant("foreign 2");
    await follower.sync();
    follower.hint(await bench.append("ours"));
    bench.plant("foreign 3");
    await follower.sync();
    await follower.sync();
    expect(notes).toEqual(["foreign 1", "foreign 2", "ours", "foreign 3"]);
  });

  test.each([512, 513, 1_024, 1_025, 2_000])("reads %i entries in pages, each once", async (count) => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    await bench.appendAll(...numbers(count));
    await follower.sync();
    expect(notes).toEqual(numbers(count));
    expect(follower.within(1)).toBe(true);
    // One page holds 512 new ones; a full one is followed by another.
    expect(bench.calls.sync).toBe(2 + Math.floor(count / 512));
  });

  test("applies hints that overtake the reply of a sync, and nothing of that twice", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    const hints = [...(await bench.appendAll("1", "2"))];
    const { held, release } = bench.hold("sync", "after");
    const syncing = follower.sync();
    await held;
    hints.push(await bench.append("3"));
    for (const hint of hints) follower.hint(hint);
    expect(notes).toEqual(["1", "2", "3"]);
    release();
    await syncing;
    expect(notes).toEqual(["1", "2", "3"]);
    expect(follower.position).toBe(bench.entries.at(-1)?.position);
  });

  test("reads again for whoever asks while it reads: what came meanwhile is applied when it is told so", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    const { held, release } = bench.hold("sync", "after");
    const first = follower.sync();
    await held;
    await bench.append("meanwhile");
    const others = [follower.sync(), follower.sync(), follower.sync()];
    release();
    await Promise.all(others);
    expect(notes).toEqual(["meanwhile"]);
    await first;
    expect(bench.calls.sync).toBe(3);
  });

  test("goes on after a sync that failed, and says to whoever asked that it failed", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    await bench.append("1");
    bench.fail("sync");
    await expect(follower.sync()).rejects.toThrow("sync fails");
    await follower.sync();
    expect(notes).toEqual(["1"]);
  });

  test("a failed sync does not fail the one that was asked for meanwhile", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    await bench.append("1");
    bench.fail("sync");
    const [first, second] = await Promise.allSettled([follower.sync(), follower.sync()]);
    expect([first?.status, second?.status]).toEqual(["rejected", "fulfilled"]);
    expect(notes).toEqual(["1"]);
  });
});

describe("what can be trusted", () => {
  test("is nothing before the first sync, and is moved by syncs alone", async () => {
    const bench = new LogBench();
    const { follower } = bench.follower();
    expect(follower.within(1e12)).toBe(false);
    await follower.sync();
    expect(follower.within(1)).toBe(true);
    bench.clock.advance(1_999);
    expect(follower.within(2_000)).toBe(true);
    // A hint tells what came, never that nothing else did.
    follower.hint(await bench.append("1"));
    bench.clock.advance(1);
    expect(follower.within(2_000)).toBe(false);
    await follower.sync();
    expect(follower.within(1)).toBe(true);
  });

  test("counts from when the sync was asked for, not from its reply", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    const { held, release } = bench.hold("sync", "after");
    const syncing = follower.sync();
    await held;
    bench.clock.advance(700);
    release();
    await syncing;
    expect([follower.within(700), follower.within(701)]).toEqual([false, true]);
  });

  test("counts from when the last of several pages was asked for", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    await bench.appendAll(...numbers(600));
    bench.fault = (method, when) => {
      if (method === "sync" && when === "after") bench.clock.advance(100);
    };
    await follower.sync();
    expect([follower.within(100), follower.within(101)]).toEqual([false, true]);
  });

  test("is not moved by a sync that fails", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    bench.clock.advance(500);
    bench.fail("sync");
    await expect(follower.sync()).rejects.toThrow();
    expect([follower.within(500), follower.within(501)]).toEqual([false, true]);
  });

  test("ends when the wall clock jumps ahead, as it does after a sleep that the monotonic one slept through", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    bench.clock.jumpWall(60_000);
    expect(follower.within(2_000)).toBe(false);
    await follower.sync();
    expect(follower.within(1)).toBe(true);
    bench.clock.jumpWall(-120_000);
    expect(follower.within(1)).toBe(true);
    bench.clock.advance(2_000);
    expect(follower.within(2_000)).toBe(false);
  });

  test("ends when the follower is closed", async () => {
    const bench = new LogBench();
    const { follower } = await bench.begun();
    expect(follower.within(1)).toBe(true);
    follower.close();
    expect(follower.within(1e12)).toBe(false);
  });
});

describe("a log that is not what it was", () => {
  test("cut: what was learned is void, and following goes on from the end", async () => {
    const bench = new LogBench();
    const { follower, notes, counted } = await bench.begun();
    await bench.appendAll("read");
    await follower.sync();
    await bench.appendAll(...numbers(10_001));
    await follower.sync();
    expect([notes, counted]).toEqual([["read", "cut"], ["cut"]]);
    expect(follower.within(1)).toBe(true);
    follower.hint(await bench.append("next"));
    expect(notes).toEqual(["read", "cut", "next"]);
    // Nothing was lost, so that there is nothing to append again.
    await bench.clock.advanceAsync(5_000);
    expect(bench.calls.append).toBe(0);
  });

  test("fork: what was learned is void, positions go on to rise, and what was lost is appended again", async () => {
    const bench = new LogBench();
    const { follower, notes, counted } = await bench.begun();
    for (const hint of await bench.appendAll("kept", "lost 1", "lost 2")) follower.hint(hint);
    const before = follower.position as string;
    bench.lose(2);
    await follower.sync();
    expect([notes, counted]).toEqual([["kept", "lost 1", "lost 2", "fork"], ["fork"]]);
    expect(follower.within(1)).toBe(true);
    expect(follower.position?.localeCompare(before, "en", { numeric: true })).toBe(1);
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["kept", "lost 1", "lost 2"]);
    expect(counted).toEqual(["fork", "reassertion", "reassertion"]);
    await follower.sync();
    expect(notes).toEqual(["kept", "lost 1", "lost 2", "fork", "lost 1", "lost 2"]);
  });

  test("a follower that had not seen what was lost goes on without a break, and hears it", async () => {
    const bench = new LogBench();
    const [sees, blind] = [await bench.begun(), await bench.begun()];
    const [kept, lost] = await bench.appendAll("kept", "lost");
    for (const { follower } of [sees, blind]) follower.hint(kept as never);
    sees.follower.hint(lost as never);
    bench.lose(1);
    await sees.follower.sync();
    await bench.clock.advanceAsync(500);
    await blind.follower.sync();
    expect([blind.notes, blind.counted]).toEqual([["kept", "lost"], []]);
  });

  test("an entry in the place of a lost one is not taken for it, neither by a sync nor by a hint after it", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    follower.hint(await bench.append("lost"));
    bench.lose(1);
    // Time stands still, so that its successor gets its position.
    const another = await bench.append("another");
    expect(another.entry.position).toBe(follower.position);
    follower.hint(another);
    follower.hint(await bench.append("after another"));
    await follower.sync();
    expect(notes.slice(0, 2)).toEqual(["lost", "fork"]);
  });

  test("the fence of another follower in the place of a lost entry is not taken for it either", async () => {
    const bench = new LogBench();
    const [slow, quick] = [await bench.begun(), await bench.begun()];
    const [first] = await bench.appendAll("lost 1");
    bench.clock.advance(1);
    const second = await bench.append("lost 2");
    for (const { follower } of [slow, quick]) follower.hint(first as never);
    slow.follower.hint(second);
    bench.clock.jumpWall(-1);
    bench.lose(2);
    await quick.follower.sync();
    expect(quick.notes).toEqual(["lost 1", "fork"]);
    slow.follower.hint(await bench.append("after the fence"));
    await slow.follower.sync();
    expect(slow.notes.slice(0, 3)).toEqual(["lost 1", "lost 2", "fork"]);
  });
});

describe("a sync that is under way", () => {
  test("does not take the log back behind what a hint brought meanwhile", async () => {
    const bench = new LogBench();
    const { follower, notes, counted } = await bench.begun();
    const lost = await bench.append("lost 1");
    follower.hint(lost);
    bench.lose(1);
    const { held, release } = bench.hold("sync", "after");
    const syncing = follower.sync();
    await held;
    // A late word of the former primary, which had gone on for a while.
    const [milliseconds] = lost.entry.position.split("-");
    const position = `${Number(milliseconds) + 5_000}-0`;
    follower.hint({
      ...lost,
      previous: lost.entry,
      entry: { ...lost.entry, position, operation: "2", payload: "lost 2" },
    });
    release();
    await syncing;
    expect(notes).toEqual(["lost 1", "lost 2", "fork"]);
    expect(counted).toEqual(["fork"]);
    expect(comparePositions(follower.position as string, position)).toBeGreaterThan(0);
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["lost 1", "lost 2"]);
  });

  test("is not believed where a hint told another story meanwhile", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    const kept = await bench.append("kept");
    follower.hint(kept);
    await bench.append("of the new primary");
    const { held, release } = bench.hold("sync", "after");
    const syncing = follower.sync();
    await held;
    // The former primary had given its next position to another entry, and one more.
    const entry = { position: "1999999999999-0", origin: "one", operation: "late", payload: "of the former primary" };
    follower.hint({ ...kept, previous: kept.entry, entry });
    release();
    await syncing;
    expect(notes).toEqual(["kept", "of the former primary", "fork"]);
    expect(comparePositions(follower.position as string, entry.position)).toBeGreaterThan(0);
  });

  test("is not believed either where a hint told of an entry that is not in it", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    const kept = await bench.append("kept");
    follower.hint(kept);
    bench.clock.advance(1_000);
    await bench.append("of the new primary");
    const { held, release } = bench.hold("sync", "after");
    const syncing = follower.sync();
    await held;
    // The former primary had gone on before the new one was asked to.
    const [milliseconds] = kept.entry.position.split("-");
    const position = `${Number(milliseconds) + 500}-0`;
    const entry = { position, origin: "one", operation: "early", payload: "of the former primary" };
    follower.hint({ ...kept, previous: kept.entry, entry });
    release();
    await syncing;
    expect(notes).toEqual(["kept", "of the former primary", "fork"]);
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["kept", "of the new primary", "of the former primary"]);
  });

  test("changes nothing any more once the follower is closed, and says so", async () => {
    const bench = new LogBench();
    const { follower, notes } = await bench.begun();
    const position = follower.position;
    const hint = await bench.append("1");
    const { held, release } = bench.hold("sync", "after");
    const waiting = Promise.allSettled([follower.sync(), follower.sync()]);
    await held;
    follower.close();
    release();
    for (const result of await waiting)
      expect(result).toMatchObject({ status: "rejected", reason: { code: "ERR_FLEET_CLOSED" } });
    follower.hint(hint);
    expect([notes, follower.position, follower.within(1e12)]).toEqual([[], position, false]);
    const { sync } = bench.calls;
    await expect(follower.sync()).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
    expect(bench.calls.sync).toBe(sync);
  });
});
