import { backoff, type Backoff } from "../core/backoff.js";
import type { Timer } from "../core/clock.js";
import type { TrustMark } from "../core/trust-window.js";
import { LockLostError, type LossReason } from "./errors.js";
import { HeldLock, type Hold } from "./held-lock.js";
import { Lease } from "./lease.js";
import type { Wanted } from "./local-waiter.js";
import { readForceNotes, type LockHolder } from "./lock-notes.js";
import type { LockRoom } from "./lock-room.js";
import type { LockForce, LockGrant, LockRequest } from "./lock-store.js";

/** What a request that was granted is made of. */
export interface HeldRequestOptions {
  readonly room: LockRoom;
  readonly request: LockRequest;
  readonly grant: Pick<LockGrant, "token" | "lastToken" | "lease">;
  /** When it was asked for, or at the earliest granted. */
  readonly at: TrustMark;
  /** How many may be served before others get their turn. */
  readonly servings: number;
  /** Whether as many replicas have the grant as the fleet's settings want. */
  readonly isReplicated: boolean;
  readonly owner: RequestOwner;
}

/** Whoever made the request. */
export interface RequestOwner {
  /**
   * Nobody has it just now; `keep` milliseconds nobody else may. Resolves when that is known where it has to be; false when
   * it had been lost.
   */
  freed(held: HeldRequest, keep: number): Promise<boolean>;
  /** It is over. */
  lost(held: HeldRequest): void;
}

const turn = 25;
const confirmAfter = 20;
const firstRetry = 50;
const longestRetry = 1_000;
const leastShare = 0.25;
// What is handed over has a lease of four seconds until it is renewed.
const graceOfHandoff = 4_000;

/** A lock that this process has, as the backend knows it: renewed while somebody here holds it, and passed among them. */
export class HeldRequest implements Hold {
  readonly name: string;
  readonly request: LockRequest;
  readonly lease: Lease;
  readonly #options: HeldRequestOptions;
  readonly #began: number;
  #token: number;
  #servings: number;
  #holder: HeldLock | undefined;
  #wanted: Wanted | undefined;
  #timer: Timer | undefined;
  #renewAt = Number.POSITIVE_INFINITY;
  #isRenewing = false;
  #isReplicated: boolean;
  #isOver = false;
  #retry: Backoff | undefined;
  #failure: unknown;

  constructor(options: HeldRequestOptions) {
    const { room, request, grant, at, servings, isReplicated } = options;
    this.#options = options;
    this.name = request.name;
    this.request = request;
    this.lease = new Lease(room.clock);
    this.lease.confirm(at, grant.lease);
    this.#token = grant.token;
    this.#isReplicated = isReplicated;
    this.#servings = Math.min(servings, grant.lastToken - grant.token + 1);
    this.#began = this.lease.now;
  }

  /** Who has it here now, and since when on the monotonic clock. */
  get holder(): { readonly wanted: Wanted; readonly lock: HeldLock } | undefined {
    return this.#holder && { wanted: this.#wanted as Wanted, lock: this.#holder };
  }

  /** The same for people, by the clock of this process. */
  get holderNow(): LockHolder | undefined {
    if (this.#holder === undefined) return undefined;
    const { room } = this.#options;
    const { token, remaining, since } = this.#holder;
    const now = room.clock.now();
    const stored = { process: room.process, token, since: now - (this.lease.now - since), until: now + remaining };
    return room.holder({ ...stored, notes: (this.#wanted as Wanted).notes });
  }

  /** Milliseconds for which nobody may get it when whoever has it gives it back now. */
  get keep(): number {
    const minHold = this.#wanted?.terms.minHold ?? 0;
    if (minHold === 0 || this.#holder === undefined) return 0;
    return Math.max(0, Math.ceil(minHold - (this.lease.now - this.#holder.since)));
  }

  /** Whether enough of the lease is left to begin something, and as many replicas have it as are wanted. */
  isGoodFor({ terms }: Wanted): boolean {
    const isSafe = terms.replicas === undefined || this.#isReplicated;
    return isSafe && this.lease.remaining > Math.min(terms.lease, graceOfHandoff) * leastShare;
  }

  /** Renews until it is good for that; false when it is lost before. */
  async makeGoodFor(wanted: Wanted): Promise<boolean> {
    while (!this.isGoodFor(wanted)) if (!(await this.renew(wanted))) return false;
    return true;
  }

  /** Whether one more may be served before others get their turn. */
  canServe(wanted: Wanted): boolean {
    return !this.#isOver && this.#servings > 0 && this.lease.now - this.#began < turn && this.isGoodFor(wanted);
  }

  /** Gives the lock to somebody, with a token above all that were given. */
  give(wanted: Wanted, isConfirmed: boolean): HeldLock {
    const lock = new HeldLock(this, this.#token);
    this.#token += 1;
    this.#servings -= 1;
    this.#holder = lock;
    this.#wanted = wanted;
    const { lease, renew } = wanted.terms;
    // Most holds end before that. Those that do not are told to the server: who it is, and that the handoff was heard.
    if (!isConfirmed) this.#renewAt = this.lease.now + Math.min(confirmAfter, lease / 6);
    else this.#renewAt = renew ? this.lease.now + lease / 3 : Number.POSITIVE_INFINITY;
    this.#plan();
    return lock;
  }

  /** Whoever has it may have lost it without a word: asks soon, by a renewal. */
  check(): void {
    if (this.#holder === undefined || this.#isRenewing || this.#wanted?.terms.renew !== true) return;
    this.#renewAt = this.lease.now;
    this.#plan();
  }

  /** The last token of its grant. */
  get lastToken(): number {
    return this.#options.grant.lastToken;
  }

  /** An answer has confirmed that the lock was held at that moment; one about an older grant says nothing. */
  confirm(at: TrustMark, { lease, lastToken }: Pick<LockGrant, "lease" | "lastToken">): void {
    if (lastToken !== this.lastToken) return;
    this.lease.confirm(at, lease);
    if (this.#holder !== undefined) this.#plan();
  }

  async release(lock: HeldLock): Promise<boolean> {
    if (lock !== this.#holder) return false;
    const wasHeld = this.lease.remaining > 0;
    const { keep } = this;
    this.#holder = undefined;
    this.#options.room.counters.add("released");
    return (await this.#options.owner.freed(this, keep)) && wasHeld;
  }

  /** Extends the lease now; whether it could be. */
  async renew(wanted: Wanted): Promise<boolean> {
    const { room, request } = this.#options;
    const { lease, replicas } = wanted.terms;
    const holder = this.#holder;
    const token = holder?.token ?? this.#token;
    const held = holder === undefined ? 0 : Math.max(0, Math.floor(this.lease.now - holder.since));
    const at = this.lease.mark();
    const deadline = Math.max(firstRetry, lease / 6);
    room.counters.add("renewals");
    const use = { lease, token, held, notes: wanted.notes };
    const result = await room.store.renew(request, use, { deadline, replicas });
    if (this.#isOver) return false;
    if (result.status === "renewed") {
      this.lease.confirm(at, lease);
      if (replicas !== undefined) this.#isReplicated = true;
      return true;
    }
    if (result.force !== undefined) this.takenByForce(result.force);
    else this.lose(result.holder === undefined ? "failover" : "expired");
    return false;
  }

  takenByForce({ kind, why }: LockForce): void {
    this.lose(kind, readForceNotes(why));
  }

  /** It is not held any more. */
  lose(
    reason: LossReason,
    details: { readonly by?: string; readonly why?: string; readonly cause?: unknown } = {},
  ): void {
    if (this.#isOver) return;
    this.stop();
    this.tell(reason, details);
    this.#options.owner.lost(this);
  }

  /** The same request was granted anew, so that this grant had ended. */
  supersede(): void {
    this.stop();
    this.tell("expired", {});
  }

  /** No more renewals: it was ended. */
  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  /** Whoever has it has it no more, and the lease goes on. */
  tell(reason: LossReason, details: { readonly by?: string; readonly why?: string; readonly cause?: unknown }): void {
    const holder = this.#holder;
    if (holder === undefined) return;
    this.#holder = undefined;
    this.#options.room.counters.add("lost");
    holder.lose(new LockLostError(reason, { lock: this.name, token: holder.token, ...details }));
  }

  #plan(): void {
    const { room } = this.#options;
    this.#timer?.cancel();
    const renewal = this.#isRenewing ? Number.POSITIVE_INFINITY : this.#renewAt - this.lease.now;
    const delay = Math.max(0, Math.min(this.lease.remaining, renewal, this.#heldFor()));
    const due = this.lease.now + delay;
    this.#timer = room.clock.setTimeout(() => this.#look(due), delay);
  }

  /** Milliseconds until whoever has it has had it for too long. */
  #heldFor(): number {
    const { holder } = this;
    if (holder === undefined) return Number.POSITIVE_INFINITY;
    return holder.lock.since + holder.wanted.terms.maxHold - this.lease.now;
  }

  #look(due: number): void {
    if (this.lease.remaining <= 0) return this.lose(this.#reasonOfExpiry(due), { cause: this.#failure });
    if (this.#heldFor() <= 0) {
      // What it did may still be under way: the lease goes on to its end, so that nobody gets the lock before.
      this.tell("max-hold", {});
      this.#renewAt = Number.POSITIVE_INFINITY;
    }
    if (this.lease.now >= this.#renewAt && !this.#isRenewing) void this.#keep();
    else this.#plan();
  }

  #reasonOfExpiry(due: number): LossReason {
    const lease = this.#wanted?.terms.lease ?? 0;
    if (this.lease.now - due > lease / 6) return "stalled";
    return this.#failure === undefined ? "expired" : "renew-failed";
  }

  async #keep(): Promise<void> {
    const wanted = this.#wanted as Wanted;
    const { lease, renew } = wanted.terms;
    this.#isRenewing = true;
    this.#renewAt = Number.POSITIVE_INFINITY;
    this.#plan();
    try {
      if (!(await this.renew(wanted))) return;
      this.#retry = undefined;
      this.#failure = undefined;
      this.#renewAt = renew ? this.lease.now + lease / 3 : Number.POSITIVE_INFINITY;
    } catch (error) {
      this.#options.room.counters.add("renewalsFailed");
      this.#failure = error;
      this.#renewAt = this.lease.now + (this.#retry ??= backoff({ base: firstRetry, cap: longestRetry })).next();
    } finally {
      this.#isRenewing = false;
    }
    if (this.#isOver) return;
    // Nobody has it any more, and the lease goes on to its end and no further.
    if (this.#holder === undefined) this.#renewAt = Number.POSITIVE_INFINITY;
    // Somebody else has it here by now, and is to be told to the server as soon as the first one was.
    else if (this.#wanted !== wanted) this.#renewAt = Math.min(this.#renewAt, this.lease.now + confirmAfter);
    this.#plan();
  }
}
