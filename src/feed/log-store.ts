/** Where a log is: all its followers give the same. */
export interface LogAddress {
  readonly key: string;
  /** The channel of its hints. */
  readonly channel: string;
  /** What hints on the channel call it. */
  readonly name: string;
}

/** One entry of a log. */
export interface LogEntry {
  /** `<milliseconds>-<sequence>`; entries are in the order of their positions. */
  readonly position: string;
  /** The instance that appended it, in printable ASCII; empty when another program did, and did not say so. */
  readonly origin: string;
  /**
   * Another one for each entry, in printable ASCII: one that comes again is not applied again. Empty when another program
   * appended it and gave none.
   */
  readonly operation: string;
  readonly payload: string;
}

/** The origin of entries that a sync makes, so that a log is never empty and its positions never go back; they tell nothing. */
export const markOrigin = "#";

/** What a follower remembers of the last entry that it applied. */
export type LogMark = Pick<LogEntry, "position" | "origin" | "operation">;

/**
 * - `OK`: `entries` begin with the one that was asked about, and are complete up to the end or to `count`.
 * - `START`: nothing was asked about; `entries` is the end of the log.
 * - `CUT`: the entry was trimmed away, and what followed it may be too; `entries` is the end of the log.
 * - `FORK`: the log is not what it was, and has lost entries; `entries` is its end, with a position above the one asked about.
 */
export interface LogSync {
  readonly status: "OK" | "START" | "CUT" | "FORK";
  /** Milliseconds of the server's clock. */
  readonly now: number;
  readonly entries: readonly LogEntry[];
}

/** The logs of a backend. Every method is atomic; what does not end well throws. */
export interface LogStore {
  /**
   * Appends an entry and hints at it. `since` is the end of the log as the caller knew it when it sent this operation
   * first; `UNKNOWN` says that a resend cannot be recognised, because so much was appended since or because the log lost
   * that end, and nothing was done.
   */
  append(params: {
    readonly log: LogAddress;
    readonly origin: string;
    readonly operation: string;
    readonly payload: string;
    readonly since: string;
  }): Promise<{ readonly status: "OK"; readonly position: string } | { readonly status: "UNKNOWN" }>;
  /** Reads on from the last applied entry, `count` entries at most with that one; refused by a primary that is cut off. */
  sync(params: {
    readonly log: LogAddress;
    readonly last: LogMark | undefined;
    readonly count: number;
  }): Promise<LogSync>;
  /** The entries from a position on, also where the log has none at that position; `count` at most. Changes nothing. */
  read(params: {
    readonly log: LogAddress;
    readonly from: string;
    readonly count: number;
  }): Promise<readonly LogEntry[]>;
}

/** Compares positions: negative when `one` comes first. Both parts have up to 64 bits, more than a number holds exactly. */
export function comparePositions(one: string, other: string): number {
  const [oneTime = "", oneSequence = ""] = one.split("-");
  const [otherTime = "", otherSequence = ""] = other.split("-");
  return compareDigits(oneTime, otherTime) || compareDigits(oneSequence, otherSequence);
}

function compareDigits(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}
