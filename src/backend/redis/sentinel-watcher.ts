import { backoff } from "../../core/backoff.js";
import type { Clock, Timer } from "../../core/clock.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { watchSilence } from "./silence-watch.js";

const reconnect = { base: 200, cap: 2_000 };

/** What a watcher is made of. */
export interface SentinelWatcherOptions {
  readonly clock: Clock;
  readonly connect: () => ConnectionOptions;
  readonly channels: readonly string[];
  readonly onMessage: (channel: string, message: string) => void;
  /** The connection ended: something may have happened to the sentinel, or to the servers. */
  readonly onLost: () => void;
  /** The sentinel answers and does not let us listen; told once until it does. */
  readonly onRefused: (error: Error) => void;
}

/** Listens to one sentinel. Missing a change of the primary costs only time; missing the word before one costs the fence. */
export class SentinelWatcher {
  readonly #options: SentinelWatcherOptions;
  readonly #backoff = backoff(reconnect);
  #connection: Connection | undefined;
  #timer: Timer | undefined;
  #closed = false;
  #isRefused = false;

  constructor(options: SentinelWatcherOptions) {
    this.#options = options;
    void this.#open();
  }

  get connected(): boolean {
    return this.#connection?.open === true;
  }

  /** The sentinel was just heard elsewhere: worth trying at once. */
  nudge(): void {
    if (this.#timer !== undefined && !this.#isRefused) this.#retryAfter(0);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#connection?.destroy();
  }

  async #open(): Promise<void> {
    this.#timer = undefined;
    try {
      const connection = await Connection.open(this.#options.connect());
      this.#connection = connection;
      if (this.#closed) {
        connection.destroy();
        return;
      }
      let listens = false;
      // A sentinel that was cut off without a word would let the fence stay open in the next failover.
      const heartbeat = (): void => void connection.send("ping", []).catch(() => undefined);
      const endWatch = watchSilence(connection, this.#options.clock, { heartbeat });
      connection.onEnd(() => {
        endWatch();
        if (listens && !this.#closed) this.#options.onLost();
        this.#retry();
      });
      connection.onMessage(this.#options.onMessage);
      await connection.send("subscribe", this.#options.channels);
      listens = true;
      this.#backoff.reset();
      this.#isRefused = false;
    } catch (error) {
      this.#refused(error as Error);
      if (this.#connection?.open === true) this.#connection.destroy(error as Error);
      else this.#retry();
    }
  }

  #refused(error: Error): void {
    if (this.#isRefused || error.name !== "ReplyError") return;
    this.#isRefused = true;
    this.#options.onRefused(error);
  }

  #retry(): void {
    this.#retryAfter(this.#backoff.next());
  }

  #retryAfter(delay: number): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => void this.#open(), delay);
  }
}
