import type { Duration } from "../core/duration.js";
import { StaleTokenError } from "./errors.js";
import { readDuration } from "./lock-options.js";
import type { LockStore } from "./lock-store.js";

/** What a register holds. */
export interface FencedValue {
  readonly value: string;
  /** Of whoever wrote it. */
  readonly token: number;
}

/** Who writes: a lock, a reservation, or anything else that has a fencing token. */
export interface TokenBearer {
  readonly token: number;
}

/** What a register writes with. */
export interface FencedRegisterOptions {
  readonly store: LockStore;
  readonly process: string;
  /** The next number of a write of this process. */
  readonly sequence: () => number;
}

/**
 * A value on the backend that only the newest holder may write.
 *
 * Whoever has lost a lock may not know it yet: a process that was frozen wakes up and goes on. The register knows the
 * highest token that it has seen, and refuses every lower one (Martin Kleppmann, "How to do distributed locking", 2016).
 */
export class FencedRegister {
  readonly name: string;
  readonly #options: FencedRegisterOptions;

  constructor(name: string, options: FencedRegisterOptions) {
    this.name = name;
    this.#options = options;
  }

  /** The value and its token; undefined for nothing. */
  read(): Promise<FencedValue | undefined> {
    return this.#options.store.read(this.name);
  }

  /**
   * Stores a value; rejects with `StaleTokenError`, and stores nothing, when somebody with a later token was here.
   *
   * A register without a `life` stays for ever: what it protects from comes whenever it comes.
   */
  async write(value: string, by: TokenBearer, { life }: { readonly life?: Duration } = {}): Promise<void> {
    const { store, process, sequence } = this.#options;
    const { token } = by;
    if (!Number.isSafeInteger(token) || token < 0)
      throw new TypeError("a fencing token is a safe integer of at least 0");
    if (typeof value !== "string") throw new TypeError("a register holds text; write JSON for anything else");
    const milliseconds = life === undefined ? 0 : Math.max(1, Math.ceil(readDuration(life, "life")));
    const params = { register: this.name, token, process, sequence: sequence(), life: milliseconds, value };
    const result = await store.write(params);
    if (result.status === "stale")
      throw new StaleTokenError(`the register ${JSON.stringify(this.name)}`, token, result.token);
  }
}
