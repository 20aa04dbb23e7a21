import { describe, expect, onTestFinished, test } from "vitest";
import type { Backend, BackendState, ChannelListener } from "../../../src/backend/backend.js";
import { FollowedLogs, type FollowedLogsOptions } from "../../../src/feed/followed-logs.js";
import type { LogHint } from "../../../src/feed/hint.js";
import { LogBench } from "./log-bench.js";

/** The logs `a`, which the bench holds, and `b`, over a backend that tells nothing by itself. */
class FollowedBench extends LogBench {
  readonly notes: string[] = [];
  readonly counted: string[] = [];
  busy = true;
  readonly followed: FollowedLogs;
  /** Those who listen to the channel, and to states. */
  readonly listeners = new Set<ChannelListener>();
  readonly #states = new Set<(change: { to: BackendState }) => void>();

  constructor(options: Partial<FollowedLogsOptions> = {}) {
    super();
    const backend = {
      instanceId: "one",
      subscribe: (channel: string, listener: ChannelListener) => {
        expect(channel).toBe("test:hint:room");
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
      },
      on: (event: string, listener: (change: { to: BackendState }) => void) => {
        expect(event).toBe("state");
        this.#states.add(listener);
        return () => this.#states.delete(listener);
      },
    } as unknown as Backend;
    const consumer = (name: string): FollowedLogsOptions["logs"][number]["consumer"] => ({
      apply: ({ payload }) => void this.notes.push(`${name} ${payload}`),
      flush: (reason) => void this.notes.push(`${name} ${reason}`),
    });
    this.followed = new FollowedLogs({
      backend,
      store: this.faulty,
      clock: this.clock,
      channel: "test:hint:room",
      logs: ["a", "b"].map((name) => ({ name, key: `test:feed:{${name}}:log`, consumer: consumer(name) })),
      busy: () => this.busy,
      count: (what) => this.counted.push(what),
      random: () => 0.5,
      ...options,
    });
    onTestFinished(() => this.followed.close());
  }

  become(to: BackendState): void {
    for (const listener of this.#states) listener({ to });
  }

  gap(): void {
    for (const listener of this.listeners) listener.gap();
  }

  publish(text: string): void {
    for (const listener of this.listeners) listener.message(text);
  }

  hint({ name, previous, entry }: LogHint): void {
    const { position, origin, operation, payload } = entry;
    this.publish(JSON.stringify([name, previous.position, previous.operation, position, origin, operation, payload]));
  }

  /** How many syncs of all logs follow from what happens and so much time. */
  async syncsIn(duration: number, happens: () => void = () => undefined): Promise<number> {
    const before = this.calls.sync;
    happens();
    await this.clock.advanceAsync(duration);
    return (this.calls.sync - before) / 2;
  }
}

describe("the logs of a room", () => {
  test("are all read before it is said that they are", async () => {
    const bench = new FollowedBench();
    expect(bench.followed.positions()).toEqual([]);
    await bench.followed.started();
    expect(bench.followed.positions().map(([name]) => name)).toEqual(["a", "b"]);
    for (const [name, position] of bench.followed.positions())
      expect(position).toBe(bench.followed.follower(name).position);
    expect(() => bench.followed.follower("c")).toThrow("no log is called c");
  });

  test("cannot be said to be read when one cannot", async () => {
    const bench = new FollowedBench();
    bench.fail("sync");
    await expect(bench.followed.started()).rejects.toThrow("sync fails");
  });

  test("each get their hints and no others", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    const hint = await bench.append("1");
    bench.publish("nonsense");
    bench.hint({ ...hint, name: "c" });
    expect(bench.notes).toEqual([]);
    bench.hint(hint);
    bench.hint(hint);
    expect([bench.notes, bench.counted]).toEqual([["a 1"], []]);
    // The same position means nothing to the other log.
    bench.hint({ ...hint, name: "b" });
    expect(bench.notes).toEqual(["a 1"]);
  });

  test("are read from a position on, and what is read is not applied", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    const [first] = await bench.appendAll("1", "2", "3");
    const from = first?.entry.position as string;
    expect((await bench.followed.read("a", from, 2)).map(({ payload }) => payload)).toEqual(["1", "2"]);
    expect(bench.notes).toEqual([]);
    expect(() => bench.followed.read("c", from, 2)).toThrow("no log is called c");
  });

  test("are read twice a second while they are in use", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    expect(await bench.syncsIn(10_000)).toBe(20);
  });

  test("are read at other moments by each instance, a tenth earlier or later", async () => {
    for (const [random, syncs] of [
      [0, 22],
      [0.999, 18],
    ] as const) {
      const bench = new FollowedBench({ random: () => random });
      await bench.followed.started();
      expect(await bench.syncsIn(10_000)).toBe(syncs);
    }
  });

  test("are read every five seconds while nobody uses them, and soon after somebody does", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    bench.busy = false;
    await bench.syncsIn(500);
    expect(await bench.syncsIn(20_000)).toBe(4);
    bench.busy = true;
    expect(await bench.syncsIn(550)).toBe(1);
    bench.busy = false;
    expect(await bench.syncsIn(4_900)).toBe(0);
    expect(await bench.syncsIn(600)).toBe(1);
  });

  test("are read at once after a gap of the subscriber", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    bench.busy = false;
    await bench.append("missed");
    expect(await bench.syncsIn(1, () => bench.gap())).toBe(1);
    expect(bench.notes).toEqual(["a missed"]);
  });

  test("are read at once when the backend is ready again, and at no other change", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    bench.busy = false;
    for (const state of ["degraded", "down", "fatal"] as const)
      expect(await bench.syncsIn(1, () => bench.become(state))).toBe(0);
    expect(await bench.syncsIn(1, () => bench.become("ready"))).toBe(1);
  });

  test("go on to be read after what failed", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    bench.fail("sync", 4);
    await bench.append("1");
    await bench.clock.advanceAsync(1_000);
    expect(bench.notes).toEqual([]);
    await bench.clock.advanceAsync(500);
    expect(bench.notes).toEqual(["a 1"]);
  });

  test("are left alone once they are closed", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    const hint = await bench.append("1");
    bench.followed.close();
    expect([bench.clock.timers, bench.listeners.size]).toEqual([0, 0]);
    bench.hint(hint);
    const revive = (): void => {
      bench.gap();
      bench.become("ready");
    };
    expect(await bench.syncsIn(60_000, revive)).toBe(0);
    expect(bench.notes).toEqual([]);
    await expect(bench.followed.started()).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
    await expect(bench.followed.append("a", "2")).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
    expect(bench.payloads).toEqual(["1"]);
  });
});

describe("appending", () => {
  test("gives the position, and is applied here as everywhere when it comes back", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    const position = await bench.followed.append("a", "1");
    expect(bench.entries.at(-1)).toMatchObject({ position, origin: "one", payload: "1" });
    expect(bench.notes).toEqual([]);
    await bench.followed.follower("a").sync();
    expect(bench.notes).toEqual(["a 1"]);
    const operations = new Set(bench.entries.map(({ operation }) => operation));
    await bench.followed.append("a", "1");
    expect(operations.has(bench.entries.at(-1)?.operation ?? "")).toBe(false);
  });

  test("before anything was read begins with that", async () => {
    const bench = new FollowedBench();
    await bench.followed.append("a", "1");
    expect(bench.payloads).toEqual(["1"]);
    expect(bench.calls).toMatchObject({ sync: 1, append: 1 });
  });

  test("refuses what is above 64 KB, by bytes, and an unknown log", async () => {
    const bench = new FollowedBench();
    await expect(bench.followed.append("a", "ü".repeat(32_769))).rejects.toThrow(
      "65538 bytes is above the limit of 65536",
    );
    await bench.followed.append("a", "ü".repeat(32_768));
    await expect(bench.followed.append("c", "")).rejects.toThrow("no log is called c");
    expect(bench.calls.append).toBe(1);
  });

  test("reads on and tries again when more came in between than can be searched", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    for (let number = 1; number <= 600; number += 1) await bench.append(`${number}`);
    const position = await bench.followed.append("a", "ours");
    expect(bench.entries.at(-1)).toMatchObject({ position, payload: "ours" });
    expect(bench.calls.append).toBe(2);
    expect(bench.notes).toHaveLength(600);
  });

  test("reads on and tries again when a failover lost the end that was known", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    bench.hint(await bench.append("lost"));
    const before = bench.followed.follower("a").position;
    bench.lose(1);
    const position = await bench.followed.append("a", "ours");
    expect(bench.notes).toEqual(["a lost", "a fork"]);
    expect(position.localeCompare(before ?? "", "en", { numeric: true })).toBe(1);
    await bench.clock.advanceAsync(500);
    expect(bench.payloads).toEqual(["ours", "lost"]);
  });

  test("does not append what it finds when it has read on", async () => {
    let appends = 0;
    const bench: FollowedBench = new FollowedBench({
      store: {
        append: async (params) => {
          appends += 1;
          await bench.store.append(params);
          return { status: "UNKNOWN" };
        },
        sync: (params) => bench.store.sync(params),
        read: (params) => bench.store.read(params),
      },
    });
    await bench.followed.started();
    const position = await bench.followed.append("a", "1");
    expect(bench.entries.at(-1)).toMatchObject({ position, payload: "1" });
    expect([bench.payloads, bench.notes, appends]).toEqual([["1"], ["a 1"], 1]);
  });

  test("gives up after three attempts", async () => {
    let appends = 0;
    const bench: FollowedBench = new FollowedBench({
      store: {
        append: async () => {
          appends += 1;
          return { status: "UNKNOWN" };
        },
        sync: (params) => bench.store.sync(params),
        read: (params) => bench.store.read(params),
      },
    });
    const refused = { code: "ERR_FLEET_OVERLOADED", executed: "maybe", retryable: true };
    await expect(bench.followed.append("a", "1")).rejects.toMatchObject(refused);
    expect(appends).toBe(3);
  });

  test("fails as the backend does", async () => {
    const bench = new FollowedBench();
    await bench.followed.started();
    bench.fail("append");
    await expect(bench.followed.append("a", "1")).rejects.toThrow("append fails");
    expect(bench.calls.append).toBe(1);
  });
});
