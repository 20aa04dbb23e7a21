import { AsyncLocalStorage } from "node:async_hooks";
import type { HeldLock } from "./held-lock.js";

/** One `using` around the code that runs now. */
export interface Holding {
  /** The lock's name. */
  readonly name: string;
  readonly lock: HeldLock;
  readonly outer: Holding | undefined;
  /** Its function runs. */
  isOpen: boolean;
}

/** Knows which locks the running code holds by the `using` around it. One for each fleet: another one's locks are others. */
export class Holdings {
  readonly #storage = new AsyncLocalStorage<Holding>();

  /** The innermost `using` of this lock around the running code. */
  find(name: string): Holding | undefined {
    for (let holding = this.#storage.getStore(); holding !== undefined; holding = holding.outer)
      if (holding.name === name && holding.isOpen) return holding;
    return undefined;
  }

  /** Runs the function of a `using`. What it starts and does not await is inside of it only until it ends. */
  async run<T>(lock: HeldLock, fn: () => T | Promise<T>): Promise<T> {
    const holding: Holding = { name: lock.name, lock, outer: this.#storage.getStore(), isOpen: true };
    try {
      return await this.#storage.run(holding, fn);
    } finally {
      holding.isOpen = false;
    }
  }
}
