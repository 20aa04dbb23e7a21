import { describe, expect, it } from "vitest";
import { withDeadline } from "../../../src/core/deadline.js";
import { systemClock, type Clock } from "../../../src/core/clock.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

const late = (): Error => new Error("too late");

describe("withDeadline", () => {
  it("passes a result on and leaves no timer", async () => {
    const clock = new FakeClock();
    await expect(withDeadline(Promise.resolve(7), 100, clock, late)).resolves.toBe(7);
    expect(clock.timers).toBe(0);
  });

  it("passes a failure on and leaves no timer", async () => {
    const clock = new FakeClock();
    await expect(withDeadline(Promise.reject(new Error("own")), 100, clock, late)).rejects.toThrow("own");
    expect(clock.timers).toBe(0);
  });

  it("rejects when the time has passed, not before", async () => {
    const clock = new FakeClock();
    let outcome = "pending";
    const bounded = withDeadline(new Promise<void>(() => {}), 100, clock, late).catch(
      (error: Error) => (outcome = error.message),
    );
    await clock.advanceAsync(99);
    expect(outcome).toBe("pending");
    clock.advance(1);
    await bounded;
    expect(outcome).toBe("too late");
  });

  it("ignores what the promise does after its deadline, without an unhandled rejection", async () => {
    const clock = new FakeClock();
    const unhandled: unknown[] = [];
    const record = (reason: unknown): number => unhandled.push(reason);
    process.on("unhandledRejection", record);
    let reject: (error: Error) => void = () => {};
    const bounded = withDeadline(new Promise<void>((_, fail) => (reject = fail)), 100, clock, late);
    clock.advance(100);
    await expect(bounded).rejects.toThrow("too late");
    reject(new Error("afterwards"));
    await new Promise(setImmediate);
    process.off("unhandledRejection", record);
    expect(unhandled).toEqual([]);
  });

  it("keeps the process alive only when asked", async () => {
    const asked: (boolean | undefined)[] = [];
    const clock: Clock = {
      ...systemClock,
      setTimeout: (_callback, _delay, options) => {
        asked.push(options?.keepAlive);
        return { cancel: () => {} };
      },
    };
    await withDeadline(Promise.resolve(), 1, clock, late);
    await withDeadline(Promise.resolve(), 1, clock, late, { keepAlive: true });
    expect(asked).toEqual([undefined, true]);
  });
});
