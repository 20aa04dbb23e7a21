import { describe, expect, it } from "vitest";
import { Periodic, type PeriodicOptions } from "../../../src/core/periodic.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

function setup(options: Partial<PeriodicOptions> = {}): {
  clock: FakeClock;
  periodic: Periodic;
  runs: number[];
  errors: unknown[];
} {
  const clock = new FakeClock();
  const runs: number[] = [];
  const errors: unknown[] = [];
  const begin = clock.monotonic();
  const periodic = new Periodic({
    clock,
    interval: 100,
    task: () => void runs.push(clock.monotonic() - begin),
    onError: (error) => errors.push(error),
    ...options,
  });
  return { clock, periodic, runs, errors };
}

/** A task whose end the test decides. */
function gatedTask(): { task: () => Promise<void>; finish: () => void; running: () => number; started: () => number } {
  const waiting: (() => void)[] = [];
  let started = 0;
  return {
    task: () => {
      started += 1;
      return new Promise<void>((resolve) => waiting.push(resolve));
    },
    finish: () => waiting.shift()?.(),
    running: () => waiting.length,
    started: () => started,
  };
}

describe("Periodic", () => {
  it("runs once per interval, first after one interval", async () => {
    const { clock, periodic, runs } = setup();
    periodic.start();
    periodic.start();
    await clock.advanceAsync(350);
    expect(runs).toEqual([100, 200, 300]);
  });

  it("does nothing before start and after stop, and leaves no timer", async () => {
    const { clock, periodic, runs } = setup();
    await clock.advanceAsync(500);
    periodic.start();
    await clock.advanceAsync(100);
    await periodic.stop();
    expect(clock.timers).toBe(0);
    await clock.advanceAsync(500);
    expect(runs).toEqual([600]);
  });

  it("spreads the waits by the jitter", async () => {
    const randoms = [0, 0.5, 1];
    const { clock, periodic, runs } = setup({ jitter: 0.2, random: () => randoms.shift() ?? 0.5 });
    periodic.start();
    await clock.advanceAsync(80 + 100 + 120);
    expect(runs).toEqual([80, 180, 300]);
  });

  it("never overlaps: the next wait begins when a run ended", async () => {
    const gate = gatedTask();
    const { clock, periodic } = setup({ task: gate.task });
    periodic.start();
    await clock.advanceAsync(1000);
    expect(gate.started()).toBe(1);
    gate.finish();
    await clock.advanceAsync(99);
    expect(gate.started()).toBe(1);
    await clock.advanceAsync(1);
    expect(gate.started()).toBe(2);
  });

  it("reports failures, thrown or rejected, and goes on", async () => {
    let attempt = 0;
    const { clock, periodic, errors } = setup({
      task: () => {
        attempt += 1;
        if (attempt === 1) throw new Error("thrown");
        return attempt === 2 ? Promise.reject(new Error("rejected")) : undefined;
      },
    });
    periodic.start();
    await clock.advanceAsync(300);
    expect(attempt).toBe(3);
    expect(errors.map(String)).toEqual(["Error: thrown", "Error: rejected"]);
  });

  it("goes on when the reporter fails", async () => {
    let attempt = 0;
    const { clock, periodic } = setup({
      task: () => {
        attempt += 1;
        throw new Error("task");
      },
      onError: () => {
        throw new Error("reporter");
      },
    });
    periodic.start();
    await clock.advanceAsync(200);
    expect(attempt).toBe(2);
  });

  it("stop waits for the run that is under way", async () => {
    const gate = gatedTask();
    const { clock, periodic } = setup({ task: gate.task });
    periodic.start();
    await clock.advanceAsync(100);
    let stopped = false;
    const stopping = periodic.stop().then(() => (stopped = true));
    await clock.advanceAsync(1000);
    expect(stopped).toBe(false);
    gate.finish();
    await stopping;
    await clock.advanceAsync(1000);
    expect(gate.started()).toBe(1);
    expect(clock.timers).toBe(0);
  });

  it("does not overlap when started again while the last run goes on", async () => {
    const gate = gatedTask();
    const { clock, periodic } = setup({ task: gate.task });
    periodic.start();
    await clock.advanceAsync(100);
    void periodic.stop();
    periodic.start();
    await clock.advanceAsync(500);
    expect(gate.running()).toBe(1);
    gate.finish();
    await clock.advanceAsync(100);
    expect(gate.started()).toBe(2);
    expect(clock.timers).toBe(0);
  });
});
