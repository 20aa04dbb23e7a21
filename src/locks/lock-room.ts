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

/** What hears of letters, opened when somebody first waits. */
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
  readonly #requesters = new Map<number, Requester>();
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
  }

  /** A new request for a lock, whose letters go to `requester` until it is forgotten. */
  request(name: string, requester: Requester): LockRequest {
    const number = (this.#number += 1);
    this.#requesters.set(number, requester);
    return { name, process: this.process, number };
  }

  forget({ number }: LockRequest): void {
    this.#requesters.delete(number);
  }

  /** Begins to hear letters, when somebody waits for the first time. */
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
    const [number, token, lastToken, now, lease] = payload.split("|").map(Number);
    if (lease === undefined || Number.isNaN(lease)) return;
    this.#requesters
      .get(number as number)
      ?.handedOver({ token: token as number, lastToken: lastToken as number, now: now as number, lease });
  }

  #lost(payload: string): undefined {
    const force = parseForce(payload);
    if (force !== undefined) this.#requesters.get(force.number)?.takenByForce(force);
  }
}
