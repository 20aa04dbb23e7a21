import { readNotes, toHolder, type LockHolder } from "./lock-notes.js";
import type { LockView } from "./lock-store.js";

/** A lock as it is now, for people. */
export interface LockInspection {
  /** Undefined while nobody has it. */
  readonly holder: LockHolder | undefined;
  /** The processes that wait, the next one first; each stands for everybody who waits in it. */
  readonly waiting: readonly {
    readonly instance: string;
    readonly owner: string | undefined;
    readonly reason: string | undefined;
    /** Milliseconds of the server's clock. */
    readonly since: number;
  }[];
  /** Milliseconds of the server's clock. */
  readonly now: number;
}

/** What one instance holds and waits for. */
export interface LocksOfInstance {
  readonly instance: string;
  readonly held: readonly { readonly name: string; readonly token: number; readonly remaining: number }[];
  /** `waiting` is how many wait in that instance. */
  readonly pending: readonly { readonly name: string; readonly waiting: number }[];
}

/** A stored lock as it is shown to people of the instance `here`. */
export function inspectLock({ now, holder, waiters }: LockView, here: string): LockInspection {
  return {
    now,
    holder: holder && toHolder(holder, here),
    waiting: waiters.map(({ since, notes }) => {
      const { instance, owner, reason } = readNotes(notes);
      return { instance, owner, reason, since };
    }),
  };
}
