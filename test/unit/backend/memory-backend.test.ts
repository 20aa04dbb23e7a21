import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { MemoryBackend } from "../../../src/backend/backend.js";
import { createMemoryBackend, type MemoryBackendOptions } from "../../../src/backend/memory/memory-backend.js";
import { ClosedError } from "../../../src/core/errors.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { rejection } from "./open-backend.js";

let clock: FakeClock;
beforeEach(() => {
  clock = new FakeClock();
});
afterEach(() => {
  vi.resetModules();
});

function open(more: Partial<MemoryBackendOptions> = {}): MemoryBackend {
  const backend = createMemoryBackend({ namespace: "shop", instanceId: "one", clock, ...more });
  onTestFinished(() => backend.close());
  return backend;
}

interface Notes {
  readonly notes: string[];
}

function notes(backend: MemoryBackend, room = "sessions"): string[] {
  return backend.room<Notes>(room, () => ({ notes: [] })).notes;
}

describe("a room's state", () => {
  test("is made once, and is its own", () => {
    const backend = open();
    notes(backend).push("one");
    expect(notes(backend)).toEqual(["one"]);
    expect(notes(backend, "locks")).toEqual([]);
  });

  test("is private without a name", () => {
    notes(open()).push("one");
    expect(notes(open())).toEqual([]);
  });

  test("is shared by the fleets of one name, and of one namespace", () => {
    notes(open({ name: "demo" })).push("one");
    expect(notes(open({ name: "demo" }))).toEqual(["one"]);
    expect(notes(open({ name: "other" }))).toEqual([]);
    expect(notes(open({ name: "demo", namespace: "blog" }))).toEqual([]);
  });

  test("lives as long as one fleet holds it, however often another one is closed", async () => {
    const [first, second] = [open({ name: "demo" }), open({ name: "demo" })];
    notes(first).push("one");
    await first.close();
    await first.close();
    await first.close();
    expect(notes(open({ name: "demo" }))).toEqual(["one"]);
    expect(notes(second)).toEqual(["one"]);
  });

  test("is gone with the last one", async () => {
    const fleets = [open({ name: "demo" }), open({ name: "demo" })];
    for (const fleet of fleets) notes(fleet).push("one");
    for (const fleet of fleets) await fleet.close();
    expect(notes(open({ name: "demo" }))).toEqual([]);
  });

  test("is found by another copy of the module in this process, as the ESM and the CommonJS build are", async () => {
    const first = open({ name: "demo" });
    notes(first).push("from the first copy");
    vi.resetModules();
    const copy = await import("../../../src/backend/memory/memory-backend.js");
    expect(copy.createMemoryBackend).not.toBe(createMemoryBackend);
    const second = copy.createMemoryBackend({ namespace: "shop", instanceId: "one", clock, name: "demo" });
    expect(notes(second)).toEqual(["from the first copy"]);
    await first.close();
    notes(second).push("from the second copy");
    expect(notes(open({ name: "demo" }))).toEqual(["from the first copy", "from the second copy"]);
    await second.close();
  });

  test("hangs on one global symbol, under the version of its form", async () => {
    const backend = open({ name: "demo" });
    const shared = (globalThis as Record<symbol, unknown>)[Symbol.for("express-fleet")] as Map<
      string,
      Map<string, unknown>
    >;
    expect(shared.get("memory/2")?.has("demo")).toBe(true);
    await backend.close();
    expect(shared.get("memory/2")?.has("demo")).toBe(false);
  });
});

describe("the budget", () => {
  test("is taken until it is used up, and what is given back can be taken again", () => {
    const { budget } = open({ limit: 100 });
    expect(budget.claim(60)).toBe(true);
    expect(budget.claim(41)).toBe(false);
    expect(budget.claim(40)).toBe(true);
    expect(budget.claim(1)).toBe(false);
    budget.release(10);
    expect(budget.claim(10)).toBe(true);
    expect(budget.claim(1)).toBe(false);
  });

  test("does not grow by giving back too much", () => {
    const { budget } = open({ limit: 100 });
    budget.claim(10);
    budget.release(50);
    expect(budget.claim(101)).toBe(false);
    expect(budget.claim(100)).toBe(true);
  });

  test("is shared with the state, and its first fleet decides", () => {
    const first = open({ name: "demo", limit: 100 });
    const second = open({ name: "demo", limit: 1_000 });
    expect(first.budget.claim(90)).toBe(true);
    expect(second.budget.claim(20)).toBe(false);
  });

  test("is 256 MiB unless told otherwise", () => {
    const { budget } = open();
    expect(budget.claim(256 * 1024 * 1024)).toBe(true);
    expect(budget.claim(1)).toBe(false);
  });
});

describe("its time", () => {
  test("starts at the wall clock and goes on with the monotonic one, in whole milliseconds", () => {
    const backend = open();
    expect(backend.time()).toBe(clock.now());
    clock.advance(1_234.5);
    expect(backend.time()).toBe(Date.UTC(2026, 0, 1) + 1_234);
  });

  test.each([3_600_000, -3_600_000])("is not moved when the wall clock jumps by %i", (jump) => {
    const backend = open();
    const before = backend.time();
    clock.jumpWall(jump);
    expect(backend.time()).toBe(before);
    clock.advance(10);
    expect(backend.time()).toBe(before + 10);
  });

  test("is the same for the fleets of one name, whenever they came", () => {
    const first = open({ name: "demo" });
    clock.jumpWall(3_600_000);
    const second = open({ name: "demo", clock: new FakeClock(0) });
    expect(second.time()).toBe(first.time());
    expect(second.clock).toBe(first.clock);
  });
});

describe("as a backend", () => {
  test("it is ready at once, of no server, and counts what is asked of it", async () => {
    const backend = open({ name: "demo" });
    await backend.ready();
    expect(backend.state).toBe("ready");
    expect(backend.capabilities).toEqual({ flavor: "memory", version: "1" });
    expect(backend.topology()).toEqual({
      kind: "memory",
      nodes: [{ id: "demo", host: "this process", port: 0, role: "memory", state: "connected" }],
    });
    notes(backend);
    notes(backend);
    expect(backend.stats()).toMatchObject({ calls: 2, pending: 0, connections: 0 });
    expect(clock.timers).toBe(0);
  });

  test("draining serves what still comes, and closing ends it, each told once", async () => {
    const backend = open();
    const states: string[] = [];
    backend.on("state", ({ from, to }) => states.push(`${from} to ${to}`));
    backend.drain();
    backend.drain();
    notes(backend).push("one");
    await backend.close();
    await backend.close();
    backend.drain();
    expect(backend.state).toBe("closed");
    expect(states).toEqual(["ready to draining", "draining to closed"]);
    expect(() => notes(backend)).toThrow(ClosedError);
    expect((await rejection(backend.ready())).code).toBe("ERR_FLEET_CLOSED");
  });

  test("a listener that throws is reported, and hurts nobody", async () => {
    const reported: unknown[] = [];
    const heard: string[] = [];
    const backend = open({ onListenerError: (error) => reported.push(error) });
    backend.on("state", () => {
      throw new Error("a bug of the user's");
    });
    backend.on("state", ({ to }) => heard.push(to));
    await backend.close();
    expect(reported).toHaveLength(1);
    expect(heard).toEqual(["closed"]);
  });
});
