import { tracingChannel } from "node:diagnostics_channel";
import { afterEach, describe, expect, it, vi } from "vitest";
import { channels, counters, trace } from "../../../src/core/diagnostics.js";

const unsubscribes: (() => void)[] = [];

function subscribe(name: string): [string, unknown][] {
  const seen: [string, unknown][] = [];
  const record = (kind: string) => (context: unknown) => void seen.push([kind, { ...(context as object) }]);
  const subscribers = {
    start: record("start"),
    end: record("end"),
    asyncStart: record("asyncStart"),
    asyncEnd: record("asyncEnd"),
    error: record("error"),
  };
  const channel = tracingChannel(name);
  channel.subscribe(subscribers);
  unsubscribes.push(() => channel.unsubscribe(subscribers));
  return seen;
}

afterEach(() => {
  for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
});

describe("trace", () => {
  it("returns the very promise of the function when nobody subscribes", async () => {
    const promise = Promise.resolve(1);
    expect(trace(channels.sessionLoad, {}, () => promise)).toBe(promise);
    await promise;
  });

  it("publishes the course of a call with its context and result", async () => {
    const seen = subscribe("express-fleet:session.save");
    await expect(trace(channels.sessionSave, { outcome: "merge" }, async () => "saved")).resolves.toBe("saved");
    expect(seen.map(([kind]) => kind)).toEqual(["start", "end", "asyncStart", "asyncEnd"]);
    expect(seen[0]?.[1]).toEqual({ outcome: "merge" });
    expect(seen[3]?.[1]).toEqual({ outcome: "merge", result: "saved" });
  });

  it("publishes a failure and rejects with it", async () => {
    const seen = subscribe("express-fleet:backend.call");
    const failure = new Error("lost");
    await expect(trace(channels.backendCall, {}, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(seen.find(([kind]) => kind === "error")?.[1]).toEqual({ error: failure });
  });

  it("publishes on the channel that was named only", async () => {
    const seen = subscribe("express-fleet:session.destroy");
    await trace(channels.sessionLoad, {}, async () => undefined);
    expect(seen).toEqual([]);
    await trace(channels.sessionDestroy, {}, async () => undefined);
    expect(seen).not.toEqual([]);
  });

  it("calls the function once, subscribed or not", async () => {
    const call = vi.fn(async () => undefined);
    await trace(channels.sessionLoad, {}, call);
    subscribe("express-fleet:session.load");
    await trace(channels.sessionLoad, {}, call);
    expect(call).toHaveBeenCalledTimes(2);
  });
});

describe("counters", () => {
  it("count from 0 by name", () => {
    const count = counters(["loads", "saves"]);
    count.add("loads");
    count.add("loads", 4);
    expect(count.snapshot()).toEqual({ loads: 5, saves: 0 });
  });

  it("hand out copies", () => {
    const count = counters(["loads"]);
    const before = count.snapshot();
    before.loads = 100;
    count.add("loads");
    expect(count.snapshot()).toEqual({ loads: 1 });
    expect(before).toEqual({ loads: 100 });
  });
});
