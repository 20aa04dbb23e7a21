import type { Clock } from "../core/clock.js";
import type { LogEntry } from "./log-store.js";

const keptFor = 60_000;
const keptAtMost = 4_096;

/** What an entry is recognised by; one of another program has its first position instead of an operation. */
export function operationOf({ operation, position }: LogEntry): string {
  return operation === "" ? `foreign:${position}` : operation;
}

/** Remembers the entries of the last minute, which a failover may yet lose. */
export class RecentEntries {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { readonly entry: LogEntry; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds one, or moves it to its new position. */
  add(entry: LogEntry): void {
    const key = operationOf(entry);
    this.#entries.delete(key);
    this.#entries.set(key, { entry, at: this.#clock.monotonic() });
    this.#forget();
  }

  /** The last position of an operation, if it is remembered. */
  positionOf(operation: string): string | undefined {
    return this.#entries.get(operation)?.entry.position;
  }

  /** Those of the last minute, oldest first. */
  all(): readonly LogEntry[] {
    this.#forget();
    return [...this.#entries.values()].map(({ entry }) => entry);
  }

  #forget(): void {
    const oldest = this.#clock.monotonic() - keptFor;
    for (const [key, { at }] of this.#entries) {
      if (at >= oldest && this.#entries.size <= keptAtMost) return;
      this.#entries.delete(key);
    }
  }
}
