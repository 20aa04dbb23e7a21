import type { StoredHolder } from "./lock-store.js";

/** Whoever has a lock, for people. */
export interface LockHolder {
  /** The name of the instance. */
  readonly instance: string;
  /** Whether it is the instance that was asked. */
  readonly here: boolean;
  readonly owner: string | undefined;
  readonly reason: string | undefined;
  /** What the application gave as `details`. */
  readonly details: unknown;
  readonly token: number;
  /** Milliseconds of the server's clock. */
  readonly since: number;
  /** When its lease ends unless it is renewed; milliseconds of the server's clock. */
  readonly until: number;
}

/** What the application says of whoever takes a lock. */
export interface LockDescription {
  /** Who takes it, for people: a user, a host. */
  readonly owner?: string | undefined;
  readonly reason?: string | undefined;
  /** Anything else, as JSON. */
  readonly details?: unknown;
}

const limit = 1_024;

/** The notes that are stored with a lock; throws `RangeError` above 1 kB and `TypeError` for what JSON cannot carry. */
export function formatNotes(instance: string, { owner, reason, details }: LockDescription): string {
  const text = JSON.stringify({ instance, owner, reason, details });
  const bytes = Buffer.byteLength(text);
  if (bytes > limit)
    throw new RangeError(
      `owner, reason and details of a lock take ${bytes} bytes as JSON, above the limit of ${limit}`,
    );
  return text;
}

/** Notes as they were stored; of what cannot be read only the instance is left, and empty. */
export function readNotes(text: string): Omit<LockDescription, "details"> & {
  readonly instance: string;
  readonly details: unknown;
} {
  try {
    const { instance, owner, reason, details } = JSON.parse(text) as Record<string, unknown>;
    return { instance: textOf(instance) ?? "", owner: textOf(owner), reason: textOf(reason), details };
  } catch {
    return { instance: "", details: undefined };
  }
}

/** The stored holder as it is shown to people of the instance `here`. */
export function toHolder(stored: StoredHolder, here: string): LockHolder {
  const { owner, reason, ...notes } = readNotes(stored.notes);
  const { process, token, since, until } = stored;
  return { ...notes, here: process === here, owner, reason, token, since, until };
}

/** Who has it, in a sentence. */
export function describeHolder(holder: LockHolder | undefined): string {
  if (holder === undefined) return "nobody that is known";
  const { owner, instance, reason, since } = holder;
  const who = owner === undefined ? instance : `${owner} on ${instance}`;
  return `${who}${reason === undefined ? "" : ` (${reason})`} since ${new Date(since).toISOString()}`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Who took a lock by force and why, as it is stored and told. */
export function formatForceNotes({
  by,
  reason,
}: {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}): string {
  const text = JSON.stringify({ by, reason });
  if (Buffer.byteLength(text) > limit) throw new RangeError(`by and reason take more than ${limit} bytes as JSON`);
  return text;
}

/** The same, read; what cannot be read says nothing. */
export function readForceNotes(text: string): { readonly by?: string; readonly why?: string } {
  try {
    const { by, reason } = JSON.parse(text) as Record<string, unknown>;
    return {
      ...(typeof by === "string" ? { by } : {}),
      ...(typeof reason === "string" ? { why: reason } : {}),
    };
  } catch {
    return {};
  }
}
