import { readFileSync } from "node:fs";
import type { LockEvent, LockOutcome } from "./locks-protocol.js";

/** One attempt at a lock, as its process wrote it down. Moments are milliseconds of the clock that all processes share. */
export interface LockAttempt {
  readonly member: string;
  readonly lock: string;
  readonly asked: number;
  /** Milliseconds that it was ready to wait. */
  readonly wait: number;
  readonly how: "waited" | "tried" | "stolen" | undefined;
  readonly token: number | undefined;
  /** The first and the last moment at which it was held for certain. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  /** Undefined for one that never ended. */
  readonly ended: number | undefined;
  readonly outcome: LockOutcome | undefined;
  readonly code: string;
}

/** Reads what a process has written; of a line that its death cut off nothing is known. */
export function readTrace(member: string, file: string): readonly LockAttempt[] {
  return attemptsOf(
    member,
    readFileSync(file, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LockEvent),
  );
}

/** The attempts that events of one process tell of. */
export function attemptsOf(member: string, events: readonly LockEvent[]): readonly LockAttempt[] {
  const attempts = new Map<number, LockAttempt>();
  const change = (id: number, changes: Partial<LockAttempt>): void => {
    const before = attempts.get(id);
    if (before === undefined) throw new Error(`${member} tells of its attempt ${id} before it has asked`);
    attempts.set(id, { ...before, ...changes });
  };
  const nothing = { how: undefined, token: undefined, first: undefined, last: undefined, ended: undefined };
  for (const [what, id, ...rest] of events) {
    if (what === "asked") {
      const [lock, asked, wait] = rest as [string, number, number];
      attempts.set(id, { ...nothing, member, lock, asked, wait, outcome: undefined, code: "" });
    } else if (what === "held") {
      const [token, at, how] = rest as [number, number, LockAttempt["how"]];
      change(id, { token, how, first: at, last: at });
    } else if (what === "still") {
      change(id, { last: (rest as [number])[0] });
    } else {
      const [ended, outcome, code] = rest as [number, LockOutcome, string];
      change(id, { ended, outcome, code });
    }
  }
  return [...attempts.values()];
}
