import type { Backend } from "../backend/backend.js";
import type { Clock, Timer } from "../core/clock.js";
import { ClosedError, OverloadedError } from "../core/errors.js";
import { Follower, type LogConsumer } from "./follower.js";
import { readHint } from "./hint.js";
import type { LogAddress, LogEntry, LogStore } from "./log-store.js";

/** A log that is to be followed. */
export interface LogToFollow {
  /** What hints call it; the key comes from the room. */
  readonly name: string;
  readonly key: string;
  readonly consumer: LogConsumer;
  /**
   * Whether entries that a failover lost are appended again; default true. False for a log whose entries tell of changes
   * made by the same step as they were: those changes are lost with them, and must not be told as if they held.
   */
  readonly reasserts?: boolean | undefined;
}

/** What the logs of one room are followed with. */
export interface FollowedLogsOptions {
  readonly backend: Backend;
  readonly store: LogStore;
  readonly clock: Clock;
  /** The channel of their hints. */
  readonly channel: string;
  readonly logs: readonly LogToFollow[];
  /** Whether what was learned from the logs is in use just now: then they are read twice a second, otherwise every five. */
  readonly busy: () => boolean;
  readonly count: (what: "gap" | "cut" | "fork" | "reassertion") => void;
  readonly random?: () => number;
}

const syncEvery = 500;
const syncEveryAtRest = 5_000;
const spread = 0.1;
const maxPayload = 65_536;
const appendAttempts = 3;

/**
 * Follows the logs of one room: hints for speed, and all of them read together twice a second for truth.
 *
 * They are also read after a gap of the subscriber and when the backend becomes ready again.
 */
export class FollowedLogs {
  readonly #options: FollowedLogsOptions;
  readonly #followers = new Map<string, Follower>();
  readonly #addresses = new Map<string, LogAddress>();
  readonly #ends: (() => void)[] = [];
  #timer: Timer | undefined;
  #operations = 0;
  #lastSync = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: FollowedLogsOptions) {
    this.#options = options;
    const { backend, store, clock, channel, logs, count, random = Math.random } = options;
    for (const { name, key, consumer, reasserts } of logs) {
      const log = { key, channel, name };
      this.#addresses.set(name, log);
      this.#followers.set(name, new Follower({ log, store, clock, consumer, count, random, reasserts }));
    }
    const end = backend.subscribe(channel, {
      message: (text) => {
        const hint = readHint(text);
        if (hint !== undefined) this.#followers.get(hint.name)?.hint(hint);
      },
      gap: () => this.#syncNow(),
    });
    this.#ends.push(
      end,
      backend.on("state", ({ to }) => {
        if (to === "ready") this.#syncNow();
      }),
    );
    this.#plan();
  }

  /** Resolves when every log was read once. */
  async started(): Promise<void> {
    await Promise.all([...this.#followers.values()].map((follower) => follower.sync()));
  }

  follower(name: string): Follower {
    const follower = this.#followers.get(name);
    if (follower === undefined) throw new TypeError(`no log is called ${name}`);
    return follower;
  }

  /**
   * Appends an entry; resolves with its position. Rejects with `RangeError` above 64 KB, with `OverloadedError` when the
   * log grows too fast, and as the backend does: with `executed: "maybe"` it may have been appended.
   */
  async append(name: string, payload: string): Promise<string> {
    if (Buffer.byteLength(payload) > maxPayload)
      throw new RangeError(`an entry of ${Buffer.byteLength(payload)} bytes is above the limit of ${maxPayload}`);
    if (this.#closed) throw new ClosedError();
    const { store, backend } = this.#options;
    const follower = this.follower(name);
    const log = this.#addressOf(name);
    const origin = backend.instanceId;
    const operation = `${origin}:${(this.#operations += 1)}`;
    for (let attempt = 1; ; attempt += 1) {
      if (follower.position === undefined || attempt > 1) await follower.sync();
      const applied = follower.appliedAt(operation);
      if (applied !== undefined) return applied;
      const since = follower.position as string;
      const result = await store.append({ log, origin, operation, payload, since });
      if (result.status === "OK") {
        follower.appended({ position: result.position, origin, operation, payload });
        return result.position;
      }
      // More than 512 entries came in between, or the log lost its end: read on, and ask again from there.
      if (attempt === appendAttempts)
        throw new OverloadedError(`the log ${name} grows faster than it can be appended to`, { executed: "maybe" });
    }
  }

  /** The entries of a log from a position on, `count` at most, whether they are applied yet or not. */
  read(name: string, from: string, count: number): Promise<readonly LogEntry[]> {
    return this.#options.store.read({ log: this.#addressOf(name), from, count });
  }

  /** How far each log is applied. */
  positions(): readonly (readonly [name: string, position: string])[] {
    return [...this.#followers].flatMap(([name, { position }]) =>
      position === undefined ? [] : [[name, position] as const],
    );
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const end of this.#ends) end();
    for (const follower of this.#followers.values()) follower.close();
  }

  #addressOf(name: string): LogAddress {
    const log = this.#addresses.get(name);
    if (log === undefined) throw new TypeError(`no log is called ${name}`);
    return log;
  }

  #syncNow(): void {
    if (this.#closed) return;
    this.#lastSync = this.#options.clock.monotonic();
    for (const follower of this.#followers.values()) follower.sync().catch(() => undefined);
  }

  #plan(): void {
    const { clock, random = Math.random } = this.#options;
    // The busy interval also at rest: whoever begins to use what was learned is not to wait for a slow one.
    const delay = syncEvery * (1 + spread * (2 * random() - 1));
    this.#timer = clock.setTimeout(() => {
      const { busy } = this.#options;
      if (busy() || clock.monotonic() - this.#lastSync >= syncEveryAtRest) this.#syncNow();
      this.#plan();
    }, delay);
  }
}
