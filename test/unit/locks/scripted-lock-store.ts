import type { LockStore } from "../../../src/locks/lock-store.js";

export type LockStoreMethod = keyof LockStore;

/** What happens to one call of a method instead of its plain answer. */
export interface StoreFault {
  /** It arrives at the store only then. */
  readonly arrives?: Promise<unknown>;
  /** Its answer comes back only then. */
  readonly answers?: Promise<unknown>;
  /** That is what comes back, and nothing arrives. */
  readonly answer?: unknown;
  /** It rejects with that; before it arrives, unless `isDone`. */
  readonly error?: Error;
  /** The store has carried it out, and only the answer is lost. */
  readonly isDone?: boolean;
}

/** A store of locks over another one, whose calls arrive, answer and fail as a test says. */
export class ScriptedLockStore implements LockStore {
  /** What was called, with its first argument. */
  readonly calls: { readonly method: LockStoreMethod; readonly argument: unknown }[] = [];
  /** Consulted for each call that no `next` is meant for. */
  fault: (method: LockStoreMethod) => StoreFault | undefined = () => undefined;
  readonly #store: LockStore;
  readonly #planned = new Map<LockStoreMethod, StoreFault[]>();

  constructor(store: LockStore) {
    this.#store = store;
  }

  /** For the next call of the method that has no fault yet. */
  next(method: LockStoreMethod, fault: StoreFault): void {
    this.#planned.set(method, [...(this.#planned.get(method) ?? []), fault]);
  }

  count(method: LockStoreMethod): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  readonly ask: LockStore["ask"] = (...args) => this.#call("ask", args[0], () => this.#store.ask(...args));
  readonly end: LockStore["end"] = (...args) => this.#call("end", args[0], () => this.#store.end(...args));
  readonly endAndAsk: LockStore["endAndAsk"] = (...args) =>
    this.#call("endAndAsk", args[0], () => this.#store.endAndAsk(...args));
  readonly renew: LockStore["renew"] = (...args) =>
    this.#call("renew", { ...args[1], ...args[2] }, () => this.#store.renew(...args));
  readonly forceRelease: LockStore["forceRelease"] = (...args) =>
    this.#call("forceRelease", args[0], () => this.#store.forceRelease(...args));
  readonly steal: LockStore["steal"] = (...args) => this.#call("steal", args[0], () => this.#store.steal(...args));
  readonly inspect: LockStore["inspect"] = (...args) =>
    this.#call("inspect", args[0], () => this.#store.inspect(...args));
  readonly write: LockStore["write"] = (...args) => this.#call("write", args[0], () => this.#store.write(...args));
  readonly read: LockStore["read"] = (...args) => this.#call("read", args[0], () => this.#store.read(...args));

  async #call<T>(method: LockStoreMethod, argument: unknown, run: () => Promise<T>): Promise<T> {
    this.calls.push({ method, argument });
    const fault = this.#planned.get(method)?.shift() ?? this.fault(method);
    if (fault === undefined) return run();
    await fault.arrives;
    if (fault.error !== undefined && fault.isDone !== true) throw fault.error;
    const result = fault.answer === undefined ? await run() : (fault.answer as T);
    await fault.answers;
    if (fault.error !== undefined) throw fault.error;
    return result;
  }
}
