import { beforeEach, describe, expect, test } from "vitest";
import { TrustWindow } from "../../../src/core/trust-window.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

let clock: FakeClock;
let trust: TrustWindow;
beforeEach(() => {
  clock = new FakeClock();
  trust = new TrustWindow(clock);
});

describe("trust", () => {
  test("is not there before the first confirmation", () => {
    expect(trust.elapsed).toBe(Number.POSITIVE_INFINITY);
    expect(trust.within(1e12)).toBe(false);
  });

  test("counts from when the confirmed answer was asked for", () => {
    const asked = trust.mark();
    clock.advance(300);
    trust.confirm(asked);
    expect(trust.elapsed).toBe(300);
    clock.advance(699);
    expect(trust.within(1_000)).toBe(true);
    clock.advance(1);
    expect(trust.within(1_000)).toBe(false);
  });

  test("is not shortened by an answer that comes late", () => {
    const early = trust.mark();
    clock.advance(500);
    trust.confirm(trust.mark());
    trust.confirm(early);
    expect(trust.elapsed).toBe(0);
  });

  test("ends at once when it is to be forgotten", () => {
    trust.confirm(trust.mark());
    trust.forget();
    expect(trust.within(1_000)).toBe(false);
  });
});

describe("a wall clock that is set while the process runs", () => {
  test("forwards ends trust once; after the next confirmation all is as before", () => {
    trust.confirm(trust.mark());
    clock.jumpWall(3_600_000);
    expect(trust.within(10_000)).toBe(false);
    trust.confirm(trust.mark());
    clock.advance(9_999);
    expect(trust.within(10_000)).toBe(true);
    clock.advance(1);
    expect(trust.within(10_000)).toBe(false);
  });

  test("backwards changes nothing: the monotonic clock goes on", () => {
    trust.confirm(trust.mark());
    clock.jumpWall(-3_600_000);
    clock.advance(9_999);
    expect(trust.within(10_000)).toBe(true);
    clock.advance(1);
    expect(trust.within(10_000)).toBe(false);
  });
});

test("a monotonic clock that stood still while the machine slept does not keep trust alive", () => {
  trust.confirm(trust.mark());
  // Waking up, only the wall clock has gone on.
  clock.jumpWall(60_000);
  expect(trust.elapsed).toBe(60_000);
});
