import { backoff, type Backoff } from "../core/backoff.js";
import type { Timer } from "../core/clock.js";
import { isFleetError } from "../core/errors.js";
import type { TrustMark } from "../core/trust-window.js";
import { refuseBusy, refuseLate } from "./refusals.js";
import { HeldRequest, type RequestOwner } from "./held-request.js";
import type { HeldLock } from "./held-lock.js";
import { Lease } from "./lease.js";
import { LocalWaiter, type LocalQueue, type Wanted } from "./local-waiter.js";
import { toHolder, type LockHolder } from "./lock-notes.js";
import type { Handoff, LockRoom, Requester } from "./lock-room.js";
import type {
  AskResult,
  ForceParams,
  LockClaim,
  LockForce,
  LockGrant,
  LockRequest,
  LockWait,
  StealResult,
} from "./lock-store.js";
import { RequestEnd } from "./request-end.js";

const heartbeat = 1_500;
const spread = 0.1;
// Four heartbeats: a process that misses them all is gone, and loses its place.
const patience = 6_000;
const nobodyReached = 100;
const afterExpiry = 5;
const expirySpread = 15;
const servingsAtMost = 16;
const unknownError = { code: "", executed: "maybe", retryable: false } as const;
const notReplicated = "ERR_FLEET_NOT_REPLICATED";

/**
 * Everybody in this process who wants one lock: a queue here, and one request for all of them on the backend.
 *
 * A grant serves those who wait here at that moment, one after the other, without asking anybody; then the lock goes to
 * the next process. So all processes take turns, whatever each has to serve.
 */
export class Contender implements Requester, LocalQueue, RequestOwner {
  readonly name: string;
  readonly #room: LockRoom;
  readonly #onIdle: (contender: Contender) => void;
  readonly #waiters: LocalWaiter[] = [];
  readonly #lease: Lease;
  /** - `asking`: no answer yet. `waiting`: it has a place in the queue. `held`: granted. */
  #state: "idle" | "asking" | "waiting" | "held" = "idle";
  #request: LockRequest | undefined;
  #held: HeldRequest | undefined;
  #ending: RequestEnd | undefined;
  #steals = 0;
  /** The last answer of the backend, and when it was asked for. */
  #seen: { readonly mark: TrustMark; readonly wait: LockWait } | undefined;
  #asked: TrustMark | undefined;
  #trouble: unknown;
  #retry: Backoff | undefined;
  #timer: Timer | undefined;

  /** `onIdle` is told when nobody here wants the lock any more. */
  constructor(name: string, room: LockRoom, onIdle: (contender: Contender) => void) {
    this.name = name;
    this.#room = room;
    this.#onIdle = onIdle;
    this.#lease = new Lease(room.clock);
  }

  /** Whether nothing is under way, so that whoever does not wait may ask. */
  get isFree(): boolean {
    return this.#state === "idle" && this.#steals === 0;
  }

  /** Who has it in this process, and how many wait here. */
  get here(): {
    readonly holder: { readonly wanted: Wanted; readonly lock: HeldLock } | undefined;
    readonly waiting: number;
  } {
    return { holder: this.#held?.holder, waiting: this.#waiters.length };
  }

  /** Waits for the lock; rejects with `LockTimeoutError`, `LockBusyError`, the reason of the signal, or as the backend does. */
  acquire(wanted: Wanted): Promise<HeldLock> {
    const waiter = new LocalWaiter(wanted, this.#room.clock, this);
    this.#waiters.push(waiter);
    this.#next();
    return waiter.promise;
  }

  /** Takes the lock from whoever has it, here or elsewhere. */
  async steal(params: ForceParams, wanted: Wanted): Promise<HeldLock | Exclude<StealResult, LockGrant>> {
    // A request that was made meanwhile would end what is stolen.
    this.#steals += 1;
    const request = this.#room.request(this.name);
    const at = this.#lease.mark();
    try {
      const result = await this.#room.store.steal(params, request, { lease: wanted.terms.lease, notes: wanted.notes });
      if (result.status !== "granted") return result;
      this.#held?.takenByForce({ ...request, kind: "stolen", why: params.why });
      this.#drop();
      this.#request = request;
      return this.#hold(request, result, at, 1).give(wanted, true);
    } finally {
      this.#steals -= 1;
      this.#next();
    }
  }

  handedOver(handoff: Handoff): void {
    const { mark, wait } = this.#seen ?? {};
    const from = mark !== undefined && wait !== undefined ? { mark, now: wait.now } : undefined;
    if (this.#request?.number !== handoff.number || (this.#state !== "asking" && this.#state !== "waiting")) return;
    // The answer to the first question is still under way: the grant came after it was asked.
    const at = from === undefined ? (this.#asked as TrustMark) : this.#lease.momentOf(handoff.now, from);
    this.#room.counters.add("handoffs");
    this.#take(this.#request, handoff, at, false);
  }

  takenByForce(force: LockForce): void {
    if (this.#request?.number === force.number) this.#held?.takenByForce(force);
  }

  askAgain(): void {
    if (this.#state === "waiting") this.#poll();
  }

  /** Refuses everybody who waits, and ends what is held; resolves when the backend knows, or does not answer. */
  async close(error: Error): Promise<void> {
    for (const waiter of this.#waiters.splice(0)) waiter.refuse(error);
    const held = this.#held;
    held?.tell("closed", { cause: error });
    if (this.#request !== undefined) void this.#end(0);
    await this.#ending?.first;
    this.#ending?.giveUp();
  }

  #next(): void {
    if (this.#state !== "idle" || this.#steals > 0 || this.#ending?.isKeeping === true) return;
    if (this.#waiters.length > 0) this.#ask();
    else if (this.#ending === undefined) this.#onIdle(this);
  }

  #ask(): void {
    // The newer request ends the older one, should its end never arrive.
    this.#ending?.giveUp();
    this.#ending = undefined;
    const request = this.#room.request(this.name);
    void this.#track(request, () => this.#room.store.ask(request, this.#claim(), this.#callOptions()));
  }

  #track(request: LockRequest, send: () => Promise<AskResult>): Promise<void> {
    // What is granted was granted later: from here on this process counts.
    const at = this.#lease.mark();
    if (this.#request !== request) this.#state = "asking";
    this.#request = request;
    this.#asked = at;
    return send().then(
      (result) => {
        if (this.#request === request) this.#answered(request, result, at);
      },
      (error: unknown) => {
        if (this.#request === request) this.#failed(error);
      },
    );
  }

  #answered(request: LockRequest, result: AskResult, at: TrustMark): void {
    this.#retry = undefined;
    this.#trouble = undefined;
    switch (result.status) {
      case "granted":
        if (this.#state === "held") return this.#held?.confirm(at, result.lease);
        return this.#take(request, result, at, result.lease >= (this.#waiters[0]?.wanted.terms.lease ?? 0));
      case "ended":
        if (this.#state === "held") return;
        this.#drop();
        return this.#next();
      case "waiting":
        if (this.#state === "held") return;
        this.#seen = { mark: at, wait: result };
        this.#state = "waiting";
        this.#refuseImpatient();
        if (this.#waiters.length === 0) return void this.#end(0);
        if (result.position === undefined) return this.#askAnew();
        this.#room.listen();
        this.#plan(this.#pollDelay(result));
    }
  }

  #failed(error: unknown): void {
    if (this.#state === "held") return;
    const { code, executed, retryable } = isFleetError(error) ? error : unknownError;
    this.#trouble = error;
    if (this.#state === "waiting" && retryable) return this.#plan(this.#nextRetry());
    // It was granted, and given back by the next request; who waits may have the patience.
    if (code === notReplicated && this.#waiters.some(({ wanted }) => wanted.isPatient)) {
      this.#state = "waiting";
      return this.#plan(this.#nextRetry(), () => this.#askAnew());
    }
    this.#room.counters.add("errors");
    for (const waiter of this.#waiters.splice(0)) waiter.refuse(error);
    if (executed !== "no" || this.#state === "waiting") return void this.#end(0);
    this.#drop();
    this.#next();
  }

  #take(
    request: LockRequest,
    grant: Pick<LockGrant, "token" | "lastToken" | "lease">,
    at: TrustMark,
    isFull: boolean,
  ): void {
    const [first] = this.#waiters;
    const held = this.#hold(request, grant, at, Math.min(this.#waiters.length, servingsAtMost));
    if (first === undefined) return void this.#end(0);
    if (held.lease.remaining > grant.lease / 4) return this.#serve(held, isFull);
    // The answer took so long that little is left.
    held.renew(first.wanted).then(
      (isRenewed) => isRenewed && this.#held === held && this.#serve(held, true),
      (error: unknown) => {
        if (this.#held !== held) return;
        this.#trouble = error;
        this.#askAnew();
      },
    );
  }

  #serve(held: HeldRequest, isConfirmed: boolean): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return void this.#end(0);
    this.#room.counters.add("acquired");
    waiter.grant(held.give(waiter.wanted, isConfirmed));
  }

  #hold(
    request: LockRequest,
    grant: Pick<LockGrant, "token" | "lastToken" | "lease">,
    at: TrustMark,
    servings: number,
  ): HeldRequest {
    this.#timer?.cancel();
    this.#state = "held";
    const held = new HeldRequest({
      room: this.#room,
      request,
      grant,
      at,
      servings,
      owner: this,
    });
    this.#held = held;
    return held;
  }

  /** Nobody here has it just now, and nobody else may for `keep` milliseconds; resolves when the backend knows, where it has to. */
  freed(held: HeldRequest, keep: number): Promise<void> {
    const [first] = this.#waiters;
    if (keep === 0 && first !== undefined && held.canServe(first.wanted)) {
      this.#room.counters.add("passes");
      this.#serve(held, false);
      return Promise.resolve();
    }
    return this.#end(keep);
  }

  /** What was held is held no more. */
  lost(held: HeldRequest): void {
    if (this.#held === held) this.#askAnew();
  }

  /**
   * Ends the request; whoever waits here gets a place behind those who wait elsewhere, in the same step. Resolves when
   * the backend has answered, or did not.
   */
  #end(keep: number): Promise<void> {
    const request = this.#request as LockRequest;
    const replicas = this.#waiters[0]?.wanted.terms.replicas;
    this.#drop();
    if (this.#waiters.length > 0 && keep === 0 && this.#steals === 0) {
      const next = this.#room.request(this.name);
      return this.#track(next, () => this.#room.store.endAndAsk(request, next.number, this.#claim(), { replicas }));
    }
    this.#ending = new RequestEnd(this.#room, request, keep, this.#onEnded);
    return this.#ending.first;
  }

  readonly #onEnded = (end: RequestEnd): void => {
    if (this.#ending !== end) return;
    this.#ending = undefined;
    this.#next();
  };

  /** Nothing is under way any more. */
  #drop(): void {
    this.#timer?.cancel();
    this.#held?.stop();
    this.#held = undefined;
    this.#request = undefined;
    this.#seen = undefined;
    this.#state = "idle";
  }

  #askAnew(): void {
    this.#drop();
    this.#next();
  }

  #poll(): void {
    if (this.#waiters.length === 0) return void this.#end(0);
    this.#room.counters.add("polls");
    const request = this.#request as LockRequest;
    this.#plan(heartbeat);
    void this.#track(request, () => this.#room.store.ask(request, this.#claim(), this.#callOptions()));
  }

  #plan(delay: number, act: () => void = () => this.#poll()): void {
    this.#timer?.cancel();
    this.#timer = this.#room.clock.setTimeout(act, delay);
  }

  #nextRetry(): number {
    this.#retry ??= backoff({ base: nobodyReached, cap: 1_000 });
    return this.#retry.next();
  }

  #pollDelay({ position, left, holder, isGuarded }: LockWait): number {
    const beat = heartbeat * (1 + spread * (2 * Math.random() - 1));
    if (position !== 0) return beat;
    // It is free, and those who are ahead cannot be told: this one may be the first who asks.
    if (holder === undefined && !isGuarded) return nobodyReached;
    return Math.min(beat, left + afterExpiry + Math.random() * expirySpread);
  }

  #claim(): LockClaim {
    const [first] = this.#waiters;
    const { terms, notes } = (first as LocalWaiter).wanted;
    return { lease: terms.lease, patience: this.#waiters.some(({ wanted }) => wanted.isPatient) ? patience : 0, notes };
  }

  #callOptions(): { readonly replicas: "all" | number | undefined } {
    return { replicas: this.#waiters[0]?.wanted.terms.replicas };
  }

  #refuseImpatient(): void {
    for (const waiter of this.#waiters.filter(({ wanted }) => !wanted.isPatient)) {
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      this.#room.counters.add("busy");
      waiter.refuse(refuseBusy(this.name, this.#holder(), this.#seen?.wait));
    }
  }

  /** Somebody does not wait any more. */
  leave(waiter: LocalWaiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index === -1) return;
    this.#waiters.splice(index, 1);
    if (this.#waiters.length === 0 && this.#state === "waiting") void this.#end(0);
  }

  /** What is told to somebody whose time is over. */
  late(waiter: LocalWaiter): Error {
    this.#room.counters.add("timeouts");
    const ahead = this.#waiters.indexOf(waiter) + (this.#seen?.wait.position ?? 0);
    return refuseLate(this.name, waiter, {
      ahead,
      holder: this.#holder(),
      wait: this.#seen?.wait,
      cause: this.#trouble,
    });
  }

  /** Whoever has it, as far as it is known here. */
  #holder(): LockHolder | undefined {
    const { holder } = this.#held ?? {};
    if (holder === undefined) return this.#room.holder(this.#seen?.wait.holder);
    const { lock, wanted } = holder;
    const now = this.#room.clock.now();
    const since = now - (this.#lease.now - lock.since);
    const stored = { process: this.#room.process, token: lock.token, since, until: now + lock.remaining };
    return toHolder({ ...stored, notes: wanted.notes }, this.#room.process);
  }
}
