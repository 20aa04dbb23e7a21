import type { LocalWaiter } from "./local-waiter.js";
import type { LockClaim } from "./lock-store.js";

// Four heartbeats: a process that misses them all is gone, and loses its place.
const patience = 6_000;

/** Those in this process who wait for one lock, in the order of their coming. */
export class LocalLine {
  readonly #waiters: LocalWaiter[] = [];

  get length(): number {
    return this.#waiters.length;
  }

  get first(): LocalWaiter | undefined {
    return this.#waiters[0];
  }

  /** Whether anybody would wait at all. */
  get isPatient(): boolean {
    return this.#waiters.some(({ wanted }) => wanted.isPatient);
  }

  /** How many replicas the first one wants to have it. */
  get replicas(): "all" | number | undefined {
    return this.first?.wanted.terms.replicas;
  }

  /** What is asked for in the name of all; somebody has to be there. */
  get claim(): LockClaim {
    const { terms, notes } = (this.first as LocalWaiter).wanted;
    return { lease: terms.lease, patience: this.isPatient ? patience : 0, notes };
  }

  add(waiter: LocalWaiter): void {
    this.#waiters.push(waiter);
  }

  /** How many are before this one; -1 when it is not there. */
  ahead(waiter: LocalWaiter): number {
    return this.#waiters.indexOf(waiter);
  }

  /** Takes the first one out. */
  shift(): LocalWaiter | undefined {
    return this.#waiters.shift();
  }

  /** Whether it was there. */
  remove(waiter: LocalWaiter): boolean {
    const index = this.#waiters.indexOf(waiter);
    if (index === -1) return false;
    this.#waiters.splice(index, 1);
    return true;
  }

  refuseAll(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.refuse(error);
  }

  /** Refuses those who would not wait; how many they were. */
  refuseImpatient(reason: () => unknown): number {
    const impatient = this.#waiters.filter(({ wanted }) => !wanted.isPatient);
    for (const waiter of impatient) {
      this.remove(waiter);
      waiter.refuse(reason());
    }
    return impatient.length;
  }
}
