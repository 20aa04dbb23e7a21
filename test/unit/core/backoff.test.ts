import { describe, expect, it } from "vitest";
import { backoff } from "../../../src/core/backoff.js";

describe("backoff", () => {
  it("doubles the bound of each wait up to the cap", () => {
    const waits = backoff({ base: 20, cap: 200, random: () => 0.5 });
    expect([1, 2, 3, 4, 5, 6].map(() => waits.next())).toEqual([10, 20, 40, 80, 100, 100]);
  });

  it("spreads waits over the whole range, from 0", () => {
    const randoms = [0, 0.999];
    const waits = backoff({ base: 100, cap: 100, random: () => randoms.shift() ?? 0 });
    expect(waits.next()).toBe(0);
    expect(waits.next()).toBeCloseTo(99.9);
  });

  it("begins at the base after a reset", () => {
    const waits = backoff({ base: 20, cap: 200, random: () => 0.5 });
    waits.next();
    waits.next();
    waits.reset();
    expect(waits.next()).toBe(10);
  });

  it("never exceeds the cap, also when the base does, nor after thousands of attempts", () => {
    const high = backoff({ base: 500, cap: 200, random: () => 0.999 });
    expect(high.next()).toBeLessThan(200);
    const long = backoff({ base: 1, cap: 50, random: () => 0.5 });
    for (let attempt = 0; attempt < 5000; attempt += 1) long.next();
    expect(long.next()).toBe(25);
  });

  it("uses real randomness by default", () => {
    const waits = backoff({ base: 1000, cap: 1000 });
    const seen = Array.from({ length: 50 }, () => waits.next());
    expect(new Set(seen).size).toBeGreaterThan(40);
    expect(Math.max(...seen)).toBeLessThan(1000);
  });
});
