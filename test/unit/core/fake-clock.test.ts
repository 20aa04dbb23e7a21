import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/testing/fake-clock.js";

describe("FakeClock", () => {
  it("moves both times by what it is advanced", () => {
    const clock = new FakeClock(1_000_000);
    const begin = clock.monotonic();
    clock.advance(250);
    expect(clock.now()).toBe(1_000_250);
    expect(clock.monotonic() - begin).toBe(250);
  });

  it("jumps the wall clock alone, and fires nothing", () => {
    const clock = new FakeClock(1_000_000);
    const begin = clock.monotonic();
    let fired = false;
    clock.setTimeout(() => (fired = true), 10);
    clock.jumpWall(-3_600_000);
    expect(clock.now()).toBe(1_000_000 - 3_600_000);
    expect(clock.monotonic()).toBe(begin);
    clock.jumpWall(7_200_000);
    expect(fired).toBe(false);
    clock.advance(10);
    expect(fired).toBe(true);
  });

  it("fires timers in order of time, at their time, also those set on the way", () => {
    const clock = new FakeClock(0);
    const fired: [string, number][] = [];
    clock.setTimeout(() => fired.push(["late", clock.now()]), 30);
    clock.setTimeout(() => {
      fired.push(["early", clock.now()]);
      clock.setTimeout(() => fired.push(["nested", clock.now()]), 10);
    }, 10);
    clock.setTimeout(() => fired.push(["never", clock.now()]), 41);
    clock.advance(40);
    expect(fired).toEqual([
      ["early", 10],
      ["nested", 20],
      ["late", 30],
    ]);
    expect(clock.timers).toBe(1);
  });

  it("fires timers of the same time in the order in which they were set", () => {
    const clock = new FakeClock(0);
    const fired: number[] = [];
    for (const n of [1, 2, 3]) clock.setTimeout(() => fired.push(n), 10);
    clock.advance(10);
    expect(fired).toEqual([1, 2, 3]);
  });

  it("never fires a cancelled timer, also when another timer cancels it", () => {
    const clock = new FakeClock(0);
    const fired: string[] = [];
    const second = clock.setTimeout(() => fired.push("second"), 10);
    clock.setTimeout(() => fired.push("third"), 20).cancel();
    clock.setTimeout(() => second.cancel(), 5);
    clock.advance(100);
    expect(fired).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it("ends although a timer of no delay plans itself again", () => {
    const clock = new FakeClock(0);
    let fired = 0;
    const again = (): void => {
      fired += 1;
      clock.setTimeout(again, 0);
    };
    clock.setTimeout(again, 0);
    clock.advance(10);
    expect(fired).toBe(10);
  });

  it("lets promises settle between timers in the async variant", async () => {
    const clock = new FakeClock(0);
    const times: number[] = [];
    const wait = (delay: number): Promise<void> => new Promise((resolve) => void clock.setTimeout(resolve, delay));
    void (async () => {
      for (let round = 0; round < 3; round += 1) {
        await wait(10);
        times.push(clock.now());
      }
    })();
    await clock.advanceAsync(35);
    expect(times).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(35);
  });
});
