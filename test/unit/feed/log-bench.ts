import { onTestFinished } from "vitest";
import type { MemoryBackend } from "../../../src/backend/backend.js";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { Follower, type FollowerOptions } from "../../../src/feed/follower.js";
import type { LogHint } from "../../../src/feed/hint.js";
import type { LogEntry, LogStore } from "../../../src/feed/log-store.js";
import { createMemoryLogStore, type StoredEntry } from "../../../src/feed/memory-log-store.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

/** A follower, and what it has told its consumer: payloads, `cut` and `fork`. */
export interface FollowerForTest {
  readonly follower: Follower;
  readonly notes: string[];
  /** What it counted. */
  readonly counted: string[];
}

/** A log in memory, on a clock that stands still, in the hands of a test. */
export class LogBench {
  readonly clock = new FakeClock();
  readonly backend: MemoryBackend;
  readonly log = { key: "test:feed:{a}:log", channel: "test:hint:room", name: "a" };
  /** The store as it is. */
  readonly store: LogStore;
  /** What goes wrong with each call; may wait, and may throw. */
  fault: (method: keyof LogStore, when: "before" | "after", reply?: unknown) => void | Promise<void> = () => undefined;
  readonly calls: Record<keyof LogStore, number> = { append: 0, sync: 0, read: 0 };
  #operations = 0;

  constructor(backend?: MemoryBackend) {
    this.backend = backend ?? createMemoryBackend({ namespace: "test", instanceId: "bench", clock: this.clock });
    this.store = createMemoryLogStore(this.backend);
    onTestFinished(() => this.backend.close());
  }

  /** What the log holds, to be looked at and meddled with. */
  get entries(): StoredEntry[] {
    const { logs } = this.backend.room("feed", () => ({ logs: new Map<string, StoredEntry[]>() }));
    const found = logs.get(this.log.key) ?? [];
    logs.set(this.log.key, found);
    return found;
  }

  /** The payloads in the log, without marks. */
  get payloads(): readonly string[] {
    return this.entries.filter(({ origin }) => origin !== "#").map(({ payload }) => payload);
  }

  /** The store as followers get it: with faults, and counted. */
  get faulty(): LogStore {
    const through = async <T>(method: keyof LogStore, call: () => Promise<T>): Promise<T> => {
      this.calls[method] += 1;
      await this.fault(method, "before");
      const reply = await call();
      await this.fault(method, "after", reply);
      return reply;
    };
    return {
      append: (params) => through("append", () => this.store.append(params)),
      sync: (params) => through("sync", () => this.store.sync(params)),
      read: (params) => through("read", () => this.store.read(params)),
    };
  }

  /** A follower that has not read anything yet. */
  follower(options: Partial<FollowerOptions> = {}): FollowerForTest {
    const [notes, counted]: string[][] = [[], []];
    const follower = new Follower({
      log: this.log,
      store: this.faulty,
      clock: this.clock,
      consumer: { apply: ({ payload }) => notes?.push(payload), flush: (reason) => notes?.push(reason) },
      count: (what) => counted?.push(what),
      random: () => 0.5,
      ...options,
    });
    onTestFinished(() => follower.close());
    return { follower, notes: notes ?? [], counted: counted ?? [] };
  }

  /** A follower that has begun. */
  async begun(options: Partial<FollowerOptions> = {}): Promise<FollowerForTest> {
    const begun = this.follower(options);
    await begun.follower.sync();
    return begun;
  }

  /** Appends as an instance does, at the end; the hint that goes with it. */
  async append(payload: string, changes: { readonly operation?: string } = {}): Promise<LogHint> {
    const { log } = this;
    if (this.entries.length === 0) await this.store.sync({ log, last: undefined, count: 1 });
    const previous = this.entries.at(-1) as LogEntry;
    const operation = changes.operation ?? `op-${(this.#operations += 1)}`;
    const result = await this.store.append({ log, origin: "bench", operation, payload, since: previous.position });
    if (result.status !== "OK") throw new Error(result.status);
    return { name: log.name, previous, entry: { position: result.position, origin: "bench", operation, payload } };
  }

  /** Appends some, one after the other. */
  async appendAll(...payloads: readonly string[]): Promise<readonly LogHint[]> {
    const hints: LogHint[] = [];
    for (const payload of payloads) hints.push(await this.append(payload));
    return hints;
  }

  /** Appends what another program does; no hint goes with it. */
  plant(payload: string): void {
    const [time, sequence] = (this.entries.at(-1)?.position ?? `${this.backend.time()}-0`).split("-");
    this.entries.push({ position: `${time}-${Number(sequence) + 1}`, origin: "", operation: "", payload, bytes: 0 });
  }

  /** Loses the newest entries, as a failover does. */
  lose(count: number): readonly LogEntry[] {
    return this.entries.splice(-count, count);
  }

  /** Holds the next call back; what it returns lets it go on and resolves when its caller has its reply. */
  hold(method: keyof LogStore, when: "before" | "after"): { readonly held: Promise<void>; release(): void } {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const held = new Promise<void>((resolve) => {
      this.fault = async (called, moment) => {
        if (called !== method || moment !== when) return;
        this.fault = () => undefined;
        resolve();
        await gate;
      };
    });
    return { held, release: () => release() };
  }

  /** The next so many calls fail. */
  fail(method: keyof LogStore, count = 1): void {
    let left = count;
    this.fault = (called, when) => {
      if (called !== method || when !== "before" || left === 0) return;
      left -= 1;
      throw new Error(`${method} fails`);
    };
  }
}
