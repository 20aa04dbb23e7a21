import type { SessionRecord, WriteId } from "./session-store.js";

/** One entry of the writers' list: the last write of a process. */
export interface Writer extends WriteId {
  /** The version that it made; 0 where a destroy found nothing to end. */
  readonly version: number;
  /** Server time, milliseconds. */
  readonly at: number;
}

/** What is stored under the key of a session. */
export type Stored =
  | { readonly kind: "session"; readonly record: SessionRecord; readonly writers: readonly Writer[] }
  /** A destroyed session, for ten seconds. */
  | { readonly kind: "tombstone"; readonly writers: readonly Writer[] };

/** The number of this format: the first field of a session. */
export const storedFormat = 1;

/** How long a writer and a tombstone are remembered, milliseconds: no resend is older than the 8 s of a call's deadline. */
export const writersKept = 10_000;

const digits = String.raw`(?:0|[1-9]\d{0,15})`;
const number = `(${digits})`;
const word = "[A-Za-z0-9_-]";
const oneWriter = `${word}+:${digits}:${digits}:${digits}`;
const writersList = `((?:${oneWriter}(?:,${oneWriter})*)?)`;
const sessionHeader = new RegExp(
  `^${storedFormat}\\|${number}\\|${number}\\|${number}\\|${number}\\|(${word}+)\\|(${word}*)\\|${number}\\|(${word}+)\\|${writersList}$`,
);
const tombstone = new RegExp(`^0\\|${writersList}$`);

/** Reads a stored text; undefined for anything that this format does not write. */
export function parseStored(text: string): Stored | undefined {
  const ended = tombstone.exec(text);
  if (ended !== null) return { kind: "tombstone", writers: parseWriters(ended[1] ?? "") };
  const header = headerOf(text);
  return header && { kind: "session", record: recordOf(header, text), writers: parseWriters(header[9] ?? "") };
}

/** Reads a stored text whose writers do not matter; undefined where `parseStored` gives that. */
export function parseRecord(text: string): SessionRecord | "tombstone" | undefined {
  const header = headerOf(text);
  if (header !== undefined) return recordOf(header, text);
  return tombstone.test(text) ? "tombstone" : undefined;
}

function headerOf(text: string): readonly string[] | undefined {
  const lineEnd = text.indexOf("\n");
  return (lineEnd === -1 ? null : sessionHeader.exec(text.slice(0, lineEnd))) ?? undefined;
}

function recordOf(header: readonly string[], text: string): SessionRecord {
  const [line = "", version, created, idle, absoluteAt, token = "", previousToken = "", previousUntil, cookie = ""] =
    header;
  return {
    version: Number(version),
    created: Number(created),
    idle: Number(idle),
    absoluteAt: Number(absoluteAt),
    token,
    previousToken,
    previousUntil: Number(previousUntil),
    cookie: Buffer.from(cookie, "base64url").toString(),
    payload: text.slice(line.length + 1),
  };
}

/** The text of a session. */
export function formatSession(record: SessionRecord, writers: readonly Writer[]): string {
  const { version, created, idle, absoluteAt, token, previousToken, previousUntil, cookie, payload } = record;
  const fields = [
    storedFormat,
    version,
    created,
    idle,
    absoluteAt,
    token,
    previousToken,
    previousUntil,
    encodeCookie(cookie),
  ];
  return `${fields.join("|")}|${formatWriters(writers)}\n${payload}`;
}

/** The text that stands in the place of a destroyed session. */
export function formatTombstone(writers: readonly Writer[]): string {
  return `0|${formatWriters(writers)}`;
}

/** The cookie's attributes as they stand in the stored text. */
export function encodeCookie(json: string): string {
  return Buffer.from(json).toString("base64url");
}

/** What a script or a memory adapter knows of a write before it acts. */
export interface SeenWrites {
  /** The version that this very write made, if it has been applied. */
  readonly made: number | undefined;
  /** Whether a later write of the same process has been applied. */
  readonly later: boolean;
  /** The entries of other processes that still count. */
  readonly others: readonly Writer[];
}

/** Looks a write up among the writers of a session or of its tombstone. */
export function findWrite(writers: readonly Writer[], write: WriteId, now: number): SeenWrites {
  const own = writers.filter(({ processId }) => processId === write.processId);
  return {
    made: own.find(({ sequence }) => sequence === write.sequence)?.version,
    later: own.some(({ sequence }) => sequence > write.sequence),
    others: writers.filter(({ processId, at }) => processId !== write.processId && at > now - writersKept),
  };
}

/**
 * Parses JSON that must be an object, of a payload or of a cookie; undefined when it is anything else.
 *
 * A key `__proto__` is dropped wherever it stands, since assigning it later would change a prototype.
 */
export function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    // The slow way only for a text that may hold the name, written out or escaped.
    const value: unknown = /__proto__|\\u/.test(json) ? JSON.parse(json, dropProto) : JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function dropProto(key: string, value: unknown): unknown {
  return key === "__proto__" ? undefined : value;
}

/** Of a list whose form was checked. */
function parseWriters(list: string): readonly Writer[] {
  if (list === "") return [];
  return list.split(",").map((entry) => {
    const [processId = "", sequence, version, at] = entry.split(":");
    return { processId, sequence: Number(sequence), version: Number(version), at: Number(at) };
  });
}

function formatWriters(writers: readonly Writer[]): string {
  return writers.map(({ processId, sequence, version, at }) => `${processId}:${sequence}:${version}:${at}`).join(",");
}
