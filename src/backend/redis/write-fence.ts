import type { Clock, Timer } from "../../core/clock.js";

const longest = 3_000;

/** What a sentinel says when a failover begins, before the replica is promoted. */
const begins: ReadonlySet<string> = new Set([
  "+try-failover",
  "+elected-leader",
  "+failover-state-select-slave",
  "+failover-state-send-slaveof-noone",
]);

/** What it says when there will be none after all. */
const aborts: ReadonlySet<string> = new Set([
  "-failover-abort-not-elected",
  "-failover-abort-no-good-slave",
  "-failover-abort-slave-timeout",
]);

/** The channels of a sentinel that the fence and the router listen to. */
export const sentinelChannels: readonly string[] = [...begins, ...aborts, "+switch-master"];

/** The name of the primary that a message of a sentinel is about; undefined when it is about something else. */
export function primaryNameOf(channel: string, message: string): string | undefined {
  if (channel === "+switch-master") return message.split(" ")[0];
  // `<type> <name> <ip> <port>`, and for a replica ` @ <name of the primary> <ip> <port>` behind it.
  const [own = "", owner] = message.split(" @ ");
  return owner === undefined ? own.split(" ")[1] : owner.split(" ")[0];
}

/**
 * Holds writes back while sentinels replace a primary that still answers.
 *
 * Until it learns that it is a replica, some hundred milliseconds after the other was promoted, the old primary goes on
 * acknowledging writes, and throws them away when it follows the new one. The fence closes with the first word of a
 * failover and opens when the router follows the new primary, when the failover is given up, or after three seconds.
 */
export class WriteFence {
  readonly #clock: Clock;
  readonly #onOpen: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, onOpen: () => void) {
    this.#clock = clock;
    this.#onOpen = onOpen;
  }

  get closed(): boolean {
    return this.#timer !== undefined;
  }

  /** Takes what a sentinel said of our primary. */
  hear(channel: string): void {
    // The first word begins the three seconds; the ones that follow it belong to the same failover.
    if (begins.has(channel)) this.#timer ??= this.#clock.setTimeout(() => this.open(), longest);
    else if (aborts.has(channel)) this.open();
  }

  /** Lets writes go on. */
  open(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#onOpen();
  }
}
