/** How `until` waits. */
export interface UntilOptions {
  /** Milliseconds until it gives up; default 10 000. */
  readonly deadline?: number;
  /** Milliseconds between two checks; default 20. */
  readonly every?: number;
  /** What is waited for, for the message of the failure. */
  readonly what: string;
}

/** What `until` rejects with; `last` is the last value, `cause` the last error of the check. */
export class DeadlineError extends Error {
  readonly last: unknown;

  constructor(message: string, last: unknown, cause: unknown) {
    super(message, { cause });
    this.name = "DeadlineError";
    this.last = last;
  }
}

type Truthy<T> = Exclude<T, false | 0 | "" | null | undefined>;

/**
 * Checks again and again, and resolves with the first truthy value.
 * A check that throws counts as "not yet"; a check that hangs is left behind at the deadline.
 * Rejects with `DeadlineError`, which names what was awaited and what the last check gave.
 */
export async function until<T>(check: () => T | Promise<T>, options: UntilOptions): Promise<Truthy<T>> {
  const { deadline = 10_000, every = 20, what } = options;
  const end = performance.now() + deadline;
  let last: unknown;
  let failure: unknown;
  for (;;) {
    try {
      failure = undefined;
      const value = await within(check, end - performance.now());
      if (value) return value as Truthy<T>;
      last = value;
    } catch (error) {
      failure = error;
    }
    if (performance.now() + every >= end) throw expired(what, deadline, last, failure);
    await pause(every);
  }
}

/** Resolves after so many milliseconds: for the pace of a load or a fault, never to wait for an effect. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

function within<T>(check: () => T | Promise<T>, milliseconds: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the check has not answered")), Math.max(milliseconds, 1));
    Promise.resolve()
      .then(check)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

function expired(what: string, deadline: number, last: unknown, failure: unknown): DeadlineError {
  const seen = failure === undefined ? `the last value was ${show(last)}` : `the last check failed: ${show(failure)}`;
  return new DeadlineError(`waited ${deadline} ms for ${what}; ${seen}`, last, failure);
}

function show(value: unknown): string {
  if (value instanceof Error) return value.message;
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return String(value);
}
