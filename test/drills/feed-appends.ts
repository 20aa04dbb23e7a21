import type { MemberReport, StoredEntry } from "./feed-group.js";
import { readMark } from "./feed-protocol.js";

/** An append that was acknowledged. */
export interface Acknowledged {
  readonly mark: string;
  readonly position: string;
  readonly at: number;
}

interface Writer {
  /** One for each counter, in their order, so also in that of `at`. */
  readonly acknowledged: Acknowledged[];
  /** The counter of the first. */
  readonly first: number;
}

/** Where entries were when they were acknowledged, by their marks, over all rounds. */
export type Origins = Map<string, string>;

/** What all writers were told in a round, and what is stored of it. */
export class Appends {
  readonly #writers = new Map<string, Writer>();
  readonly #mayLose: boolean;
  readonly #origins: Origins;
  readonly #stored = new Map<string, string[]>();

  /** `mayLose`: a failover, which loses what it has not replicated, excuses that acknowledged entries are not there. */
  constructor(reports: readonly MemberReport[], stored: readonly StoredEntry[], origins: Origins, mayLose: boolean) {
    this.#mayLose = mayLose;
    this.#origins = origins;
    for (const { mark, position } of stored) {
      if (mark === "") continue;
      const positions = this.#stored.get(mark);
      if (positions === undefined) this.#stored.set(mark, [position]);
      else positions.push(position);
    }
    for (const { writer, trace } of reports) {
      const acknowledged = trace.flatMap((event) =>
        event[0] === "acknowledged" ? [{ at: event[1], position: event[2], mark: event[3] }] : [],
      );
      for (const { mark, position } of acknowledged) origins.set(mark, position);
      const [first] = acknowledged;
      if (first !== undefined) this.#writers.set(writer, { acknowledged, first: readMark(first.mark).counter });
    }
  }

  acknowledged(): readonly Acknowledged[] {
    return [...this.#writers.values()].flatMap(({ acknowledged }) => acknowledged);
  }

  /** The counter of a writer's last append that was acknowledged before a moment; 0 without one. */
  lastAcknowledgedBefore(writer: string, moment: number): number {
    const { acknowledged, first } = this.#writers.get(writer) ?? { acknowledged: [], first: 1 };
    let from = 0;
    let to = acknowledged.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((acknowledged[middle]?.at ?? 0) < moment) from = middle + 1;
      else to = middle;
    }
    return from === 0 ? 0 : first + from - 1;
  }

  /** Acknowledged entries that are not where they were; what another appended in their place counts as nothing. */
  lost(): readonly Acknowledged[] {
    return this.acknowledged().filter((entry) => this.#isLost(entry));
  }

  /** Whether an entry at this position is one that got lost where it was acknowledged, and was appended again. */
  isMoved(mark: string, position: string): boolean {
    const origin = this.#origins.get(mark);
    return origin !== undefined && origin !== position;
  }

  /** Whether it may be one that was appended again; of an append that was not acknowledged nobody knows where it was. */
  mayBeMoved(mark: string): boolean {
    return this.#mayLose && !this.#origins.has(mark);
  }

  wereAllLost(writer: string, from: number, to: number): boolean {
    if (!this.#mayLose) return false;
    for (let counter = from; counter <= to; counter += 1) {
      const entry = this.#at(writer, counter);
      if (entry === undefined || !this.#isLost(entry)) return false;
    }
    return true;
  }

  /** How often an entry is stored now. */
  timesStored(mark: string): number {
    return this.#stored.get(mark)?.length ?? 0;
  }

  /** What is stored now, each entry with its last position. */
  *stored(): Iterable<StoredEntry> {
    for (const [mark, positions] of this.#stored) yield { mark, position: positions.at(-1) ?? "" };
  }

  #at(writer: string, counter: number): Acknowledged | undefined {
    const { acknowledged, first } = this.#writers.get(writer) ?? { acknowledged: [], first: 1 };
    return acknowledged[counter - first];
  }

  #isLost({ mark, position }: Acknowledged): boolean {
    return this.#stored.get(mark)?.includes(position) !== true;
  }
}
