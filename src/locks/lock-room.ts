import type { Clock } from "../core/clock.js";
import type { Counters } from "../core/diagnostics.js";
import type { Logger } from "../core/logger.js";
import type { Letter } from "../feed/mailbox.js";
import { parseForce } from "./lock-record.js";
import { toHolder, type LockHolder } from "./lock-notes.js";
import type { LockForce, LockRequest, LockStore, StoredHolder } from "./lock-store.js";

/** What the room counts since start. */
export const lockCounters = [
  "acquired",
  "released",
  "lost",
  "timeouts",
  "busy",
  "handoffs",
  "passes",
  "renewals",
  "renewalsFailed",
  "polls",
  "stolen",
  "forced",
  "errors",
] as const;

export type LockCounter = (typeof lockCounters)[number];

/** A lock that was handed over while this process waited for it, as the letter tells. */
export interface Handoff {
  readonly number: number;
  readonly token: number;
  readonly lastToken: number;
  readonly now: number;
  readonly lease: number;
}

/** Who in this process has a request under way. */
export interface Requester {
  handedOver(handoff: Handoff): void;
  takenByForce(force: LockForce): void;
  /** Messages may have been missed. */
  askAgain(): void;
}

/** What hears of letters, opened when a lock is first used. */
export interface LockLetters {
  on(room: string, kind: string, handler: (letter: Letter) => undefined): () => void;
  onGap(listener: () => void): () => void;
}

/** What all locks of a fleet in this process share. */
export interface LockRoomOptions {
  readonly store: LockStore;
  readonly clock: Clock;
  /** The id of the instance on its backend. */
  readonly process: string;
  /** Under which a lock is stored; letters name it so. */
  readonly keyOf: (name: string) => string;
  readonly letters: () => LockLetters;
  readonly counters: Counters<LockCounter>;
  readonly logger: Logger;
}

/** Numbers the requests of this process, and brings the letters about them to whoever made them. */
export class LockRoom {
  readonly store: LockStore;
  readonly clock: Clock;
  readonly process: string;
  readonly counters: Counters<LockCounter>;
  readonly logger: Logger;
  readonly #letters: () => LockLetters;
  readonly #keyOf: (name: string) => string;
  readonly #requesters = new Map<string, Requester>();
  readonly #ends: (() => void)[] = [];
  #isListening = false;
  #number = 0;

  constructor(options: LockRoomOptions) {
    this.store = options.store;
    this.clock = options.clock;
    this.process = options.process;
    this.counters = options.counters;
    this.logger = options.logger;
    this.#letters = options.letters;
    this.#keyOf = options.keyOf;
  }

  /** A new request for a lock. */
  request(name: string): LockRequest {
    return { name, process: this.process, number: (this.#number += 1) };
  }

  /** Brings the letters about a lock to `requester`, until it leaves. */
  join(name: string, requester: Requester): void {
    this.#requesters.set(this.#keyOf(name), requester);
  }

  leave(name: string): void {
    this.#requesters.delete(this.#keyOf(name));
  }

  /** Begins to hear letters. */
  listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    const letters = this.#letters();
    this.#ends.push(
      letters.on("locks", "granted", ({ payload }) => this.#granted(payload)),
      letters.on("locks", "lost", ({ payload }) => this.#lost(payload)),
      letters.onGap(() => {
        for (const requester of [...this.#requesters.values()]) requester.askAgain();
      }),
    );
  }

  /** The stored holder as people of this instance see it. */
  holder(stored: StoredHolder | undefined): LockHolder | undefined {
    return stored && toHolder(stored, this.process);
  }

  close(): void {
    for (const end of this.#ends) end();
    this.#requesters.clear();
  }

  #granted(payload: string): undefined {
    const [key = "", text = ""] = payload.split("\n");
    const numbers = text.split("|").map(Number);
    if (numbers.length !== 5 || !numbers.every(Number.isSafeInteger)) return;
    const [number, token, lastToken, now, lease] = numbers as [number, number, number, number, number];
    this.#requesters.get(key)?.handedOver({ number, token, lastToken, now, lease });
  }

  #lost(payload: string): undefined {
    const [key = "", text = ""] = payload.split("\n");
    const force = parseForce(text);
    if (force !== undefined) this.#requesters.get(key)?.takenByForce(force);
  }
}
