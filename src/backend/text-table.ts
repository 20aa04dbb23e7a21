import type { MemoryBackend } from "./backend.js";

/** One stored text and when it ends, in the backend's time. */
export interface TableEntry {
  readonly text: string;
  expiresAt: number;
  /** What it takes of the budget; 0 when it had to be stored although that was used up. */
  readonly bytes: number;
}

const sweepEvery = 1000;
const sweepSlice = 2000;
// About what a map's slot, the entry's object and the headers of two strings take in V8.
const entryOverhead = 200;

/**
 * Texts of one room on an embedded backend, with their expiry and their share of its memory.
 *
 * What has expired is never returned; it is removed when it is met, and by a sweep that looks at a bounded slice each
 * second while there are entries, on a timer that does not keep the process alive.
 */
export class TextTable {
  readonly #backend: MemoryBackend;
  readonly #entries = new Map<string, TableEntry>();
  #sweeping = false;
  #position: Iterator<[string, TableEntry]> | undefined;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  /** How many texts are kept, expired ones that were not met yet included. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string): TableEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAt > this.#backend.time()) return entry;
    this.#remove(key, entry);
    return undefined;
  }

  /** Stores a text; false, and nothing changed, when the budget does not allow it, as a full Redis refuses any SET. */
  set(key: string, text: string, expiresAt: number): boolean {
    const bytes = entryOverhead + 2 * key.length + Buffer.byteLength(text);
    if (!this.#backend.budget.claim(bytes)) return false;
    this.#store(key, { text, expiresAt, bytes });
    return true;
  }

  /** Stores a text whatever the budget says. */
  force(key: string, text: string, expiresAt: number): void {
    if (!this.set(key, text, expiresAt)) this.#store(key, { text, expiresAt, bytes: 0 });
  }

  /** Moves an end later, never earlier; returns the end that then holds. */
  extend(key: string, expiresAt: number): number {
    const entry = this.get(key);
    if (entry === undefined) return expiresAt;
    entry.expiresAt = Math.max(entry.expiresAt, expiresAt);
    return entry.expiresAt;
  }

  #store(key: string, entry: TableEntry): void {
    const former = this.#entries.get(key);
    if (former !== undefined) this.#backend.budget.release(former.bytes);
    this.#entries.set(key, entry);
    this.#planSweep();
  }

  #remove(key: string, entry: TableEntry): void {
    this.#entries.delete(key);
    this.#backend.budget.release(entry.bytes);
  }

  #planSweep(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#backend.clock.setTimeout(() => this.#sweepSlice(), sweepEvery);
  }

  #sweepSlice(): void {
    this.#sweeping = false;
    const now = this.#backend.time();
    for (let seen = 0; seen < sweepSlice; seen += 1) {
      // A map's iterator goes on where it was, whatever is added or removed meanwhile.
      this.#position ??= this.#entries.entries();
      const next = this.#position.next();
      if (next.done === true) {
        this.#position = undefined;
        break;
      }
      const [key, entry] = next.value;
      if (entry.expiresAt <= now) this.#remove(key, entry);
    }
    if (this.#entries.size > 0) this.#planSweep();
  }
}
