import { describe, expect, it } from "vitest";
import type { Timer } from "../../../src/core/clock.js";
import { ClosedError, TimeoutError } from "../../../src/core/errors.js";
import { Lifecycle } from "../../../src/core/lifecycle.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

function setup(): { clock: FakeClock; lifecycle: Lifecycle; closed: string[]; errors: [string, unknown][] } {
  const clock = new FakeClock();
  const errors: [string, unknown][] = [];
  return { clock, lifecycle: new Lifecycle(clock, (error, name) => errors.push([name, error])), closed: [], errors };
}

describe("Lifecycle", () => {
  it("closes in reverse order, one after the other", async () => {
    const { lifecycle, closed } = setup();
    lifecycle.add({ name: "backend", limit: 100, close: () => void closed.push("backend") });
    lifecycle.add({
      name: "room",
      limit: 100,
      close: async () => {
        closed.push("room begins");
        await new Promise(setImmediate);
        closed.push("room ended");
      },
    });
    await lifecycle.close();
    expect(closed).toEqual(["room begins", "room ended", "backend"]);
  });

  it("closes once, with the same promise for everybody, and leaves no timer", async () => {
    const { clock, lifecycle, closed } = setup();
    lifecycle.add({ name: "room", limit: 100, close: () => void closed.push("room") });
    const first = lifecycle.close();
    expect(lifecycle.close()).toBe(first);
    await first;
    expect(lifecycle.close()).toBe(first);
    expect(closed).toEqual(["room"]);
    expect(clock.timers).toBe(0);
  });

  it("passes over closers that throw or reject, and tells of them", async () => {
    const { lifecycle, closed, errors } = setup();
    lifecycle.add({ name: "last", limit: 100, close: () => void closed.push("last") });
    lifecycle.add({ name: "rejects", limit: 100, close: () => Promise.reject(new Error("async")) });
    lifecycle.add({
      name: "throws",
      limit: 100,
      close: () => {
        throw new Error("sync");
      },
    });
    await lifecycle.close();
    expect(closed).toEqual(["last"]);
    expect(errors).toEqual([
      ["throws", new Error("sync")],
      ["rejects", new Error("async")],
    ]);
  });

  it("goes on after the limit of a closer that hangs", async () => {
    const { clock, lifecycle, closed, errors } = setup();
    lifecycle.add({ name: "last", limit: 100, close: () => void closed.push("last") });
    lifecycle.add({ name: "hangs", limit: 2000, close: () => new Promise<void>(() => {}) });
    const closing = lifecycle.close();
    await clock.advanceAsync(1999);
    expect(closed).toEqual([]);
    await clock.advanceAsync(1);
    await closing;
    expect(closed).toEqual(["last"]);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.[0]).toBe("hangs");
    expect(errors[0]?.[1]).toBeInstanceOf(TimeoutError);
  });

  it("keeps the process alive until the limit of a closer", async () => {
    const asked: unknown[] = [];
    class RecordingClock extends FakeClock {
      override setTimeout(callback: () => void, delay: number, options?: { readonly keepAlive?: boolean }): Timer {
        asked.push([delay, options?.keepAlive]);
        return super.setTimeout(callback, delay);
      }
    }
    const lifecycle = new Lifecycle(new RecordingClock(), () => {});
    lifecycle.add({ name: "room", limit: 100, close: () => {} });
    await lifecycle.close();
    expect(asked).toEqual([[100, true]]);
  });

  it("does not reject when the reporter throws", async () => {
    const closed: string[] = [];
    const lifecycle = new Lifecycle(new FakeClock(), () => {
      throw new Error("reporter");
    });
    lifecycle.add({ name: "last", limit: 100, close: () => void closed.push("last") });
    lifecycle.add({ name: "fails", limit: 100, close: () => Promise.reject(new Error("closer")) });
    await lifecycle.close();
    expect(closed).toEqual(["last"]);
  });

  it("refuses to open anything once closing has begun, also from a closer", async () => {
    const { lifecycle, errors } = setup();
    lifecycle.add({
      name: "reopens",
      limit: 100,
      close: () => lifecycle.add({ name: "late", limit: 1, close: () => {} }),
    });
    expect(lifecycle.closing).toBe(false);
    const closing = lifecycle.close();
    expect(lifecycle.closing).toBe(true);
    expect(() => lifecycle.add({ name: "late", limit: 1, close: () => {} })).toThrow(ClosedError);
    await closing;
    expect(errors[0]?.[1]).toBeInstanceOf(ClosedError);
  });

  it("may be closed again by a closer that does not wait for it", async () => {
    const { lifecycle, closed } = setup();
    lifecycle.add({
      name: "room",
      limit: 100,
      close: () => {
        void lifecycle.close();
        closed.push("room");
      },
    });
    await lifecycle.close();
    expect(closed).toEqual(["room"]);
  });
});
