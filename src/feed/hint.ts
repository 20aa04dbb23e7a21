import type { LogEntry, LogMark } from "./log-store.js";

/** What a message on a log's channel says: an entry, and the one before it. */
export interface LogHint {
  readonly name: string;
  /** Its operation too: where a log lost its end, another entry may have got the position of a lost one. */
  readonly previous: Pick<LogMark, "position" | "operation">;
  readonly entry: LogEntry;
}

// A longer number may be more than a server takes for a position; such entries are found by reading on.
const position = /^\d{1,19}-\d{1,19}$/;

/** Reads a message; undefined for one that is not of our form, which only another program can have sent. */
export function readHint(text: string): LogHint | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 7 || parts.some((part) => typeof part !== "string")) return undefined;
  const [name = "", previous = "", of = "", at = "", origin = "", operation = "", payload = ""] = parts as string[];
  if (!position.test(previous) || !position.test(at)) return undefined;
  return {
    name,
    previous: { position: previous, operation: of },
    entry: { position: at, origin, operation, payload },
  };
}
