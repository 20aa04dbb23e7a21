import type { LogEntry } from "./log-store.js";

/** What a message on a log's channel says: an entry, and the position of the one before it. */
export interface LogHint {
  readonly name: string;
  readonly previous: string;
  readonly entry: LogEntry;
}

/** Reads a message; undefined for one that is not of our form, which only another program can have sent. */
export function readHint(text: string): LogHint | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || parts.length !== 6 || parts.some((part) => typeof part !== "string")) return undefined;
  const [name, previous, position, origin, operation, payload] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return { name, previous, entry: { position, origin, operation, payload } };
}
