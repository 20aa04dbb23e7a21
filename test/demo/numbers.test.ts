import { describe, expect, test } from "vitest";
import { Tally } from "../../examples/demo/page/tally.js";
import { barCount, Waits } from "../../examples/demo/page/waits.js";

describe("what users were told, against what their sessions hold", () => {
  function tallyOf(...names: string[]): Tally {
    const tally = new Tally();
    tally.begin(names);
    return tally;
  }

  test("nothing is lost while sessions hold all that was answered", () => {
    const tally = tallyOf("a", "b");
    for (const name of ["a", "a", "b"]) tally.added(name);
    tally.read("a", { count: 2, user: "a" });
    tally.read("b", { count: 1, user: "b" });
    expect([tally.told, tally.held, tally.lost, tally.known]).toEqual([3, 3, 0, 2]);
  });

  test("an answer counts once its session was read", () => {
    const tally = tallyOf("a");
    tally.added("a");
    expect([tally.told, tally.held, tally.lost]).toEqual([0, 0, 0]);
  });

  test("what a session does not hold is lost, and nobody else's surplus makes up for it", () => {
    const tally = tallyOf("a", "b");
    for (const name of ["a", "a", "b"]) tally.added(name);
    tally.read("a", { count: 1, user: "a" });
    // b's other addition failed, but was done all the same.
    tally.read("b", { count: 2, user: "b" });
    expect([tally.told, tally.held, tally.lost]).toEqual([3, 3, 1]);
  });

  test("a session that begins anew has lost all, and its user is signed out", () => {
    const tally = tallyOf("a");
    for (let turn = 0; turn < 5; turn += 1) tally.added("a");
    tally.read("a", { count: 0, user: null });
    expect([tally.lost, tally.known]).toEqual([5, 0]);
  });
});

describe("waits", () => {
  test("the longest counts, also while it still waits", () => {
    const waits = new Waits();
    waits.end(waits.begin(1_000), 1_040, false);
    waits.begin(2_000);
    expect(waits.inAll(2_010)).toEqual({ failed: 0, longest: 40 });
    expect(waits.inAll(4_500)).toEqual({ failed: 0, longest: 2_500 });
    expect(waits.waiting(4_500)).toBe(2_500);
  });

  test("a mark begins a count of its own, and a reset the whole one", () => {
    const waits = new Waits();
    waits.end(waits.begin(0), 3_000, true);
    waits.mark(5_000);
    waits.end(waits.begin(5_000), 5_700, true);
    expect(waits.since(6_000)).toEqual({ failed: 1, longest: 700 });
    expect(waits.inAll(6_000)).toEqual({ failed: 2, longest: 3_000 });
    waits.reset();
    expect(waits.inAll(6_000)).toEqual({ failed: 0, longest: 0 });
  });

  test("one wait rises through the half seconds that it lasts, red where it failed", () => {
    const waits = new Waits();
    waits.end(waits.begin(60_100), 61_200, true);
    const bars = waits.bars(61_600);
    expect(bars).toHaveLength(barCount);
    expect(bars.slice(-4)).toEqual([
      { wait: 400, failed: false },
      { wait: 900, failed: false },
      { wait: 1_100, failed: true },
      { wait: 0, failed: false },
    ]);
  });

  test("who still waits is seen in every half second of it, and a minute later nothing is", () => {
    const waits = new Waits();
    const request = waits.begin(60_000);
    expect(waits.bars(61_250).slice(-3)).toEqual([
      { wait: 500, failed: false },
      { wait: 1_000, failed: false },
      { wait: 1_250, failed: false },
    ]);
    waits.end(request, 61_250, false);
    expect(waits.bars(125_000).every(({ wait }) => wait === 0)).toBe(true);
  });
});
