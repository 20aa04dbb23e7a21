import type { Clock, Timer } from "../core/clock.js";
import { ClosedError } from "../core/errors.js";
import { TrustWindow } from "../core/trust-window.js";
import type { LogHint } from "./hint.js";
import {
  comparePositions,
  markOrigin,
  type LogAddress,
  type LogEntry,
  type LogMark,
  type LogStore,
  type LogSync,
} from "./log-store.js";
import { operationOf, RecentEntries } from "./recent-entries.js";

/** Whoever acts on the entries of a log. Every method is synchronous, because the order is the point, and does not throw. */
export interface LogConsumer {
  /** The next entry, in order, and once until the next flush; one of the instance's own too. */
  apply(entry: LogEntry): void;
  /**
   * What was learned from the log so far is void: entries were trimmed before they were read (`cut`), or a failover lost
   * some that had been applied (`fork`).
   */
  flush(reason: "cut" | "fork"): void;
}

/** What a follower is made of. */
export interface FollowerOptions {
  readonly log: LogAddress;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly consumer: LogConsumer;
  /** Counted: hints that did not follow what was applied, cuts, forks, and entries that were appended again. */
  readonly count: (what: "gap" | "cut" | "fork" | "reassertion") => void;
  /** In [0, 1). */
  readonly random: () => number;
  /** Whether what a failover lost is appended again; default true. */
  readonly reasserts?: boolean | undefined;
}

const pageSize = 513;
const reassertWithin = 500;
const reassertAgainAfter = 1_000;

/**
 * Applies every entry of a log once and in order, or says that it could not.
 *
 * A hint is applied at once when it follows the last applied entry; anything else makes the follower read on from that
 * entry, which must still be what it was. Such a read proves that everything up to the moment when it was sent is applied,
 * and nothing else does: `within` tells how long ago that was.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #trust: TrustWindow;
  readonly #recent: RecentEntries;
  #last: LogMark | undefined;
  #syncing: Promise<void> | undefined;
  #again = false;
  #reasserting: Timer | undefined;
  #closed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#trust = new TrustWindow(options.clock);
    this.#recent = new RecentEntries(options.clock);
  }

  /** The position up to which everything is applied; undefined before the first sync. */
  get position(): string | undefined {
    return this.#last?.position;
  }

  /** Whether everything that was appended until so many milliseconds ago is applied. */
  within(limit: number): boolean {
    return this.#trust.within(limit);
  }

  /** Takes a message about this log. */
  hint({ previous, entry }: LogHint): void {
    const last = this.#last;
    if (last === undefined || this.#closed || comparePositions(entry.position, last.position) <= 0) return;
    if (previous.position === last.position && previous.operation === last.operation) return this.#apply(entry);
    this.#options.count("gap");
    this.sync().catch(() => undefined);
  }

  /**
   * Reads on, after a read that is under way; resolves when everything that had been appended when this was called is
   * applied, rejects when the log cannot be read or the follower is closed.
   */
  async sync(): Promise<void> {
    if (this.#closed) throw new ClosedError();
    if (this.#syncing !== undefined) {
      // What is under way may have been read before what the caller means was appended.
      this.#again = true;
      await this.#syncing.catch(() => undefined);
      return this.#syncing ?? this.sync();
    }
    this.#syncing = this.#syncAll().finally(() => {
      this.#syncing = undefined;
      if (this.#again) {
        this.#again = false;
        this.sync().catch(() => undefined);
      }
    });
    return this.#syncing;
  }

  /** Notes an entry that this instance appended, so that it is appended again should a failover lose it. */
  appended(entry: LogEntry): void {
    this.#recent.add(entry);
  }

  /** Where an operation of the last minutes was applied; undefined when it was not. */
  appliedAt(operation: string): string | undefined {
    return this.#recent.appliedAt(operation);
  }

  close(): void {
    this.#closed = true;
    this.#reasserting?.cancel();
    this.#trust.forget();
  }

  async #syncAll(): Promise<void> {
    for (;;) {
      const { store, log } = this.#options;
      const asked = this.#trust.mark();
      const last = this.#last;
      const reply = await store.sync({ log, last, count: pageSize });
      if (this.#closed) throw new ClosedError();
      if (reply.status === "OK") {
        if (!this.#follow(reply) || reply.entries.length === pageSize) continue;
      } else {
        // The end must also lie above what a late hint of the lost log has brought meanwhile.
        if (this.#last !== last) continue;
        this.#restart(reply);
      }
      this.#trust.confirm(asked);
      return;
    }
  }

  /** False when a hint has told another story meanwhile: one of the two is of a log that was lost. */
  #follow({ entries }: LogSync): boolean {
    const [, ...later] = entries;
    for (const [index, entry] of later.entries()) {
      const [last, before] = [this.#last as LogMark, entries[index] as LogEntry];
      if (comparePositions(entry.position, last.position) > 0) {
        // What a hint brought meanwhile must be in the reply too.
        if (before.position !== last.position || before.operation !== last.operation) return false;
        this.#apply(entry);
      }
      // Hints may have been faster than the reply.
      else if (this.#recent.appliedAt(operationOf(entry)) !== entry.position) return false;
    }
    return true;
  }

  #restart({ status, entries }: LogSync): void {
    const [end] = entries;
    this.#last = end;
    if (status === "START") return;
    const reason = status === "CUT" ? "cut" : "fork";
    this.#options.count(reason);
    this.#recent.flush();
    this.#options.consumer.flush(reason);
    if (reason === "fork" && this.#options.reasserts !== false) this.#reassertAfter(0);
  }

  #apply(entry: LogEntry): void {
    this.#last = entry;
    if (entry.origin === markOrigin) return;
    // One that was appended again, because somebody could not know that it was there, is no other one.
    if (this.#recent.apply(entry)) this.#options.consumer.apply(entry);
  }

  /** All who saw the lost entries do this: at different times, so that most find it done. */
  #reassertAfter(delay: number): void {
    const { clock, random } = this.#options;
    this.#reasserting?.cancel();
    this.#reasserting = clock.setTimeout(
      () => {
        this.#reassert().catch(() => this.#closed || this.#reassertAfter(reassertAgainAfter));
      },
      delay + random() * reassertWithin,
    );
  }

  /** Appends what was applied in the last minute and is not in the log. */
  async #reassert(): Promise<void> {
    const { store, log, count } = this.#options;
    const entries = this.#recent.lately();
    const [first] = entries;
    if (first === undefined) return;
    let { operations, end } = await this.#readFrom(first.position);
    for (const entry of entries) {
      const operation = operationOf(entry);
      while (!this.#closed && !operations.has(operation)) {
        const { origin, payload } = entry;
        const { status } = await store.append({ log, origin, operation, payload, since: end });
        if (status === "OK") {
          count("reassertion");
          break;
        }
        ({ operations, end } = await this.#readFrom(first.position));
      }
    }
  }

  /** The operations that the log has from a position on, and its end; rejects when it has nothing there. */
  async #readFrom(position: string): Promise<{ readonly operations: ReadonlySet<string>; readonly end: string }> {
    const { store, log } = this.#options;
    const operations = new Set<string>();
    for (let from = position; ;) {
      const entries = await store.read({ log, from, count: pageSize });
      for (const entry of entries) operations.add(operationOf(entry));
      const end = entries.at(-1)?.position;
      if (end === undefined) throw new Error(`the log ${log.name} has lost its end once more`);
      if (entries.length < pageSize) return { operations, end };
      from = end;
    }
  }
}
