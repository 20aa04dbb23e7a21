import type { Clock } from "../core/clock.js";
import { comparePositions, type LogEntry } from "./log-store.js";

const reassertedFor = 60_000;
// Longer than entries are appended again: one that is, at the last moment, must still be recognised by whoever applied it.
const keptFor = 120_000;
const keptAtMost = 8_192;
const keptCharacters = 8 * 1024 * 1024;

interface Recent {
  readonly entry: LogEntry;
  readonly at: number;
  applied: boolean;
}

/** What an entry is recognised by; one of another program has its first position instead of an operation. */
export function operationOf({ operation, position }: LogEntry): string {
  return operation === "" ? `foreign:${position}` : operation;
}

/** Remembers the entries of the last two minutes: those that a failover may yet lose, and those that may come twice. */
export class RecentEntries {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Recent>();
  #characters = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes an entry that was appended, whether it is applied yet or not. */
  add(entry: LogEntry): void {
    if (!this.#entries.has(operationOf(entry))) this.#set(entry, false);
  }

  /** Notes an entry at its newest position as applied; false when it was applied before. */
  apply(entry: LogEntry): boolean {
    const isNew = this.#entries.get(operationOf(entry))?.applied !== true;
    this.#set(entry, true);
    return isNew;
  }

  /** Where an operation was applied last; undefined when it was not. */
  appliedAt(operation: string): string | undefined {
    const recent = this.#entries.get(operation);
    return recent?.applied === true ? recent.entry.position : undefined;
  }

  /** None of them counts as applied any more. */
  flush(): void {
    for (const recent of this.#entries.values()) recent.applied = false;
  }

  /** Those of the last minute, in the order of their positions. */
  lately(): readonly LogEntry[] {
    const oldest = this.#clock.monotonic() - reassertedFor;
    const lately = [...this.#entries.values()].filter(({ at }) => at >= oldest).map(({ entry }) => entry);
    return lately.sort((one, other) => comparePositions(one.position, other.position));
  }

  #set(entry: LogEntry, applied: boolean): void {
    const key = operationOf(entry);
    this.#remove(key);
    this.#entries.set(key, { entry, at: this.#clock.monotonic(), applied });
    this.#characters += entry.payload.length;
    const oldest = this.#clock.monotonic() - keptFor;
    for (const [operation, { at }] of this.#entries) {
      if (at >= oldest && this.#entries.size <= keptAtMost && this.#characters <= keptCharacters) return;
      this.#remove(operation);
    }
  }

  #remove(key: string): void {
    this.#characters -= this.#entries.get(key)?.entry.payload.length ?? 0;
    this.#entries.delete(key);
  }
}
