import type { Clock } from "../../core/clock.js";
import type { ServerTime } from "../backend.js";
import type { Reply } from "./connection.js";

// More than the quartz of two machines drifts apart; a widening range is wrong only in the harmless direction.
const drift = 0.0005;

/**
 * Knows what a server's clock shows, from the times between which it answered TIME (Cristian, "Probabilistic Clock
 * Synchronization", 1989).
 *
 * Every answer narrows the range, drift widens it again. When answers contradict each other the server's clock was
 * set, and only the newest counts.
 */
export class ServerClock {
  readonly #clock: Clock;
  #low = -Infinity;
  #high = Infinity;
  #at = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the reply of TIME that was asked for at `sentAt`, and has just come; anything else is ignored. */
  sample(reply: Reply, sentAt: number): void {
    if (!Array.isArray(reply)) return;
    const [seconds, microseconds] = reply as readonly Reply[];
    const server = Number(seconds) * 1000 + Number(microseconds) / 1000;
    if (!Number.isFinite(server)) return;
    const now = this.#clock.monotonic();
    const [low, high] = [server - now, server - sentAt];
    const [oldLow, oldHigh] = this.#range(now);
    const isConsistent = oldLow <= high && low <= oldHigh;
    this.#low = isConsistent ? Math.max(low, oldLow) : low;
    this.#high = isConsistent ? Math.min(high, oldHigh) : high;
    this.#at = now;
  }

  /** The range in which the server's clock is now; undefined before the first answer. */
  now(): ServerTime | undefined {
    if (this.#low === -Infinity) return undefined;
    const now = this.#clock.monotonic();
    const [low, high] = this.#range(now);
    return { earliest: now + low, latest: now + high };
  }

  #range(now: number): readonly [low: number, high: number] {
    const widened = (now - this.#at) * drift;
    return [this.#low - widened, this.#high + widened];
  }
}
