import { backoff } from "../../core/backoff.js";
import type { Clock, Timer } from "../../core/clock.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { watchSilence } from "./silence-watch.js";

const reconnect = { base: 200, cap: 5_000 };

/** Listens to one sentinel; what it hears is a hint, and missing it costs only time. */
export class SentinelWatcher {
  readonly #clock: Clock;
  readonly #connect: () => ConnectionOptions;
  readonly #channels: readonly string[];
  readonly #onMessage: (channel: string, message: string) => void;
  readonly #backoff = backoff(reconnect);
  #connection: Connection | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(
    clock: Clock,
    connect: () => ConnectionOptions,
    channels: readonly string[],
    onMessage: (channel: string, message: string) => void,
  ) {
    this.#clock = clock;
    this.#connect = connect;
    this.#channels = channels;
    this.#onMessage = onMessage;
    void this.#open();
  }

  get connected(): boolean {
    return this.#connection?.open === true;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#connection?.destroy();
  }

  async #open(): Promise<void> {
    try {
      const connection = await Connection.open(this.#connect());
      this.#connection = connection;
      if (this.#closed) {
        connection.destroy();
        return;
      }
      // A sentinel that was cut off without a word would let the fence stay open in the next failover.
      const heartbeat = (): void => void connection.send("ping", []).catch(() => undefined);
      const endWatch = watchSilence(connection, this.#clock, { heartbeat });
      connection.onEnd(() => {
        endWatch();
        this.#retry();
      });
      connection.onMessage(this.#onMessage);
      await connection.send("subscribe", this.#channels);
      this.#backoff.reset();
    } catch (error) {
      if (this.#connection?.open === true) this.#connection.destroy(error as Error);
      else this.#retry();
    }
  }

  #retry(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimeout(() => void this.#open(), this.#backoff.next());
  }
}
