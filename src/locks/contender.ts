import { backoff, type Backoff } from "../core/backoff.js";
import type { Timer } from "../core/clock.js";
import { ClosedError, isFleetError } from "../core/errors.js";
import type { TrustMark } from "../core/trust-window.js";
import { heartbeat, mayBeDone, nobodyReached, pollDelay } from "./asking.js";
import { refuseBusy, refuseLate } from "./refusals.js";
import { HeldRequest, type RequestOwner } from "./held-request.js";
import type { HeldLock } from "./held-lock.js";
import { Lease } from "./lease.js";
import { LocalLine } from "./local-line.js";
import { LocalWaiter, type LocalQueue, type Wanted } from "./local-waiter.js";
import type { LockHolder } from "./lock-notes.js";
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

type Granted = Pick<LockGrant, "token" | "lastToken" | "lease">;

const servingsAtMost = 16;
const retrying = { base: nobodyReached, cap: 1_000 };
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
  readonly #waiters = new LocalLine();
  readonly #lease: Lease;
  /** - `asking`: no answer yet. `waiting`: it has a place in the queue. `held`: granted. */
  #state: "idle" | "asking" | "waiting" | "held" = "idle";
  #request: LockRequest | undefined;
  #held: HeldRequest | undefined;
  #ending: RequestEnd | undefined;
  /** Requests that the backend may still have, since an answer is missing; an answer to a newer one ends them. */
  readonly #unended: LockRequest[] = [];
  #steals = 0;
  #isClosed = false;
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
    return this.#state === "idle" && this.#steals === 0 && this.#ending?.isKeeping !== true;
  }

  /** Who has it in this process, and how many wait here. */
  get here(): { readonly holder: HeldRequest["holder"]; readonly waiting: number } {
    return { holder: this.#held?.holder, waiting: this.#waiters.length };
  }

  /** Waits for the lock; rejects with `LockTimeoutError`, `LockBusyError`, the reason of the signal, or as the backend does. */
  acquire(wanted: Wanted): Promise<HeldLock> {
    const waiter = new LocalWaiter(wanted, this.#room.clock, this);
    this.#waiters.add(waiter);
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
      return await this.#stolen(request, result, at, { wanted, why: params.why });
    } catch (error) {
      // It may have been stolen all the same, and nobody here has it.
      if (this.#request === request) this.#askInstead();
      else if (mayBeDone(error)) this.#unended.push(request);
      throw error;
    } finally {
      this.#steals -= 1;
      this.#next();
    }
  }

  handedOver(handoff: Handoff): void {
    const { wait, mark } = this.#seen ?? {};
    if (this.#request?.number !== handoff.number || (this.#state !== "asking" && this.#state !== "waiting")) return;
    // It was told later that it waits: what was handed over has ended since.
    if (wait !== undefined && wait.now > handoff.now) return;
    // The answer to the first question is still under way: the grant came after it was asked.
    const from = wait && mark && { mark, now: wait.now };
    const at = from === undefined ? (this.#asked as TrustMark) : this.#lease.momentOf(handoff.now, from);
    this.#room.counters.add("handoffs");
    this.#take(this.#request, handoff, at, { isFull: false, isReplicated: false });
  }

  takenByForce(force: LockForce): void {
    if (this.#request?.number === force.number) this.#held?.takenByForce(force);
  }

  askAgain(): void {
    if (this.#state === "waiting") this.#poll();
    else this.#held?.check();
  }

  /** Refuses everybody who waits, and ends what is held; resolves when the backend knows, or does not answer. */
  async close(error: Error): Promise<void> {
    this.#isClosed = true;
    this.#waiters.refuseAll(error);
    const keep = this.#held?.keep ?? 0;
    this.#held?.tell("closed", { cause: error });
    if (this.#request !== undefined || this.#unended.length > 0) void this.#end(keep);
    await this.#ending?.first;
    this.#ending?.giveUp();
  }

  #next(): void {
    if (this.#state !== "idle" || this.#steals > 0 || this.#ending?.isKeeping === true) return;
    if (this.#waiters.length > 0) this.#ask();
    else if (this.#unended.length > 0) void this.#end(0);
    else if (this.#ending === undefined) this.#onIdle(this);
  }

  #ask(): void {
    const request = this.#room.request(this.name);
    void this.#track(request, (claim, options) => this.#room.store.ask(request, claim, options));
  }

  #track(
    request: LockRequest,
    send: (claim: LockClaim, options: { readonly replicas: "all" | number | undefined }) => Promise<AskResult>,
  ): Promise<void> {
    // What is granted was granted later: from here on this process counts.
    const at = this.#lease.mark();
    if (this.#request !== request) this.#state = "asking";
    this.#request = request;
    this.#asked = at;
    const { claim, replicas } = this.#waiters;
    return send(claim, { replicas }).then(
      (result) => {
        if (this.#request === request) this.#answered(request, result, at, replicas !== undefined);
      },
      (error: unknown) => {
        if (this.#request === request) this.#failed(error);
      },
    );
  }

  #answered(request: LockRequest, result: AskResult, at: TrustMark, isReplicated: boolean): void {
    this.#retry = undefined;
    this.#trouble = undefined;
    switch (result.status) {
      case "granted": {
        this.#forgetOlder(request);
        if (this.#held !== undefined && result.lastToken <= this.#held.lastToken) return this.#held.confirm(at, result);
        // It was handed over, and late, and granted again: what was heard of the older grant ends.
        this.#held?.supersede();
        // With less it is an older grant, which no answer has confirmed before.
        const isFull = result.lease >= (this.#waiters.first?.wanted.terms.lease ?? 0);
        return this.#take(request, result, at, { isFull, isReplicated: isReplicated && isFull });
      }
      case "ended":
        if (this.#state === "held") return;
        return this.#askAnew();
      case "waiting":
        if (this.#state !== "held") this.#placed(request, result, at);
    }
  }

  /** The request has a place in the queue, or none where nobody of those who made it would wait. */
  #placed(request: LockRequest, wait: LockWait, at: TrustMark): void {
    this.#seen = { mark: at, wait };
    this.#state = "waiting";
    this.#refuseImpatient(() => refuseBusy(this.name, this.#holder(), wait));
    if (wait.position === undefined) return this.#askAnew();
    this.#forgetOlder(request);
    if (this.#waiters.length === 0) return void this.#end(0);
    this.#plan(pollDelay(wait));
  }

  /** A request was carried out, and has ended whatever was older of this process. */
  #forgetOlder({ number }: LockRequest): void {
    // Only a steal can be newer, of which it is not known whether it was carried out.
    if (this.#unended.length > 0) this.#unended.push(...this.#unended.splice(0).filter((each) => each.number > number));
    this.#ending?.giveUp();
    this.#ending = undefined;
  }

  #failed(error: unknown): void {
    if (this.#state === "held") return;
    this.#trouble = error;
    const known = isFleetError(error) ? error : undefined;
    if (this.#state === "waiting" && known?.retryable === true)
      return this.#plan((this.#retry ??= backoff(retrying)).next());
    // It was granted, and is given back by the next request; who waits may have the patience.
    if (known?.code === notReplicated && this.#waiters.isPatient) {
      this.#refuseImpatient(() => error);
      this.#state = "waiting";
      return this.#plan((this.#retry ??= backoff(retrying)).next(), () => this.#askInstead());
    }
    this.#room.counters.add("errors");
    this.#waiters.refuseAll(error);
    if (mayBeDone(error) || this.#state === "waiting") this.#askInstead();
    else this.#askAnew();
  }

  #take(
    request: LockRequest,
    grant: Granted,
    at: TrustMark,
    { isFull, isReplicated }: { readonly isFull: boolean; readonly isReplicated: boolean },
  ): void {
    const servings = Math.min(this.#waiters.length, servingsAtMost);
    this.#offer(this.#hold(request, grant, at, { servings, isReplicated }), isFull);
  }

  #offer(held: HeldRequest, isConfirmed: boolean): void {
    const { first } = this.#waiters;
    if (first === undefined) return void this.#end(0);
    if (held.isGoodFor(first.wanted)) return this.#serve(held, isConfirmed);
    // The answer took so long that little is left, or it is not yet on the replicas.
    held.renew(first.wanted).then(
      (isRenewed) => {
        if (isRenewed && this.#held === held) this.#offer(held, this.#waiters.first === first);
      },
      (error: unknown) => {
        if (this.#held !== held) return;
        this.#trouble = error;
        this.#askInstead();
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
    grant: Granted,
    at: TrustMark,
    more: { readonly servings: number; readonly isReplicated: boolean },
  ): HeldRequest {
    this.#timer?.cancel();
    this.#state = "held";
    const held = new HeldRequest({ room: this.#room, request, grant, at, ...more, owner: this });
    this.#held = held;
    return held;
  }

  /** This process has taken it by force. */
  async #stolen(
    request: LockRequest,
    grant: LockGrant,
    at: TrustMark,
    { wanted, why }: { readonly wanted: Wanted; readonly why: string },
  ): Promise<HeldLock | Exclude<StealResult, LockGrant>> {
    if (this.#isClosed) throw new ClosedError(undefined, { executed: "yes" });
    // Another steal of this process came later, and was answered sooner.
    if ((this.#request?.number ?? 0) > request.number) return { status: "changed", holder: undefined };
    this.#held?.takenByForce({ ...request, kind: "stolen", why });
    this.#forgetOlder(request);
    this.#drop();
    this.#request = request;
    const held = this.#hold(request, grant, at, { servings: 1, isReplicated: false });
    const isGood = await held.makeGoodFor(wanted);
    return isGood && this.#held === held ? held.give(wanted, true) : { status: "changed", holder: undefined };
  }

  /**
   * Nobody here has it just now, and nobody else may for `keep` milliseconds. Resolves when the backend knows, where it has
   * to; false when it says that this process had lost it.
   */
  freed(held: HeldRequest, keep: number): Promise<boolean> {
    const { first } = this.#waiters;
    if (keep === 0 && first !== undefined && held.canServe(first.wanted)) {
      this.#room.counters.add("passes");
      this.#serve(held, false);
      return Promise.resolve(true);
    }
    return this.#end(keep);
  }

  /** What was held is held no more. */
  lost(held: HeldRequest): void {
    if (this.#held === held) this.#askAnew();
  }

  /**
   * Ends the request; whoever waits here gets a place behind those who wait elsewhere, in the same step. Resolves when
   * the backend has answered, or did not; false when the request had nothing any more.
   */
  #end(keep: number): Promise<boolean> {
    const request = this.#request;
    this.#drop();
    if (request !== undefined && this.#waiters.length > 0 && keep === 0 && this.#steals === 0) {
      this.#unended.push(request);
      const next = this.#room.request(this.name);
      const endAndAsk = this.#track(next, (claim, options) =>
        this.#room.store.endAndAsk(request, next.number, claim, options),
      );
      return endAndAsk.then(() => true);
    }
    const requests = request === undefined ? [] : [request];
    if (this.#unended.length > 0) requests.push(...this.#unended.splice(0));
    if (this.#ending !== undefined) requests.push(...this.#ending.left);
    this.#ending?.giveUp();
    // A newer one that ends first would hide the older from the backend.
    if (requests.length > 1) requests.sort((one, other) => one.number - other.number);
    this.#ending = new RequestEnd(this.#room, requests, Math.max(keep, this.#ending?.keep ?? 0), this.#onEnded);
    return this.#ending.first;
  }

  readonly #onEnded = (end: RequestEnd): void => {
    if (this.#ending === end) this.#ending = undefined;
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

  /** The request is given up, and the backend may still have it. */
  #askInstead(): void {
    if (this.#request !== undefined) this.#unended.push(this.#request);
    this.#askAnew();
  }

  #poll(): void {
    if (this.#waiters.length === 0) return void this.#end(0);
    this.#room.counters.add("polls");
    this.#plan(heartbeat);
    const request = this.#request as LockRequest;
    void this.#track(request, (claim, options) => this.#room.store.ask(request, claim, options));
  }

  #plan(delay: number, act: () => void = () => this.#poll()): void {
    this.#timer?.cancel();
    this.#timer = this.#room.clock.setTimeout(act, delay);
  }

  #refuseImpatient(reason: () => unknown): void {
    this.#room.counters.add("busy", this.#waiters.refuseImpatient(reason));
  }

  /** Somebody does not wait any more. */
  leave(waiter: LocalWaiter): void {
    if (!this.#waiters.remove(waiter)) return;
    if (this.#waiters.length === 0 && this.#state === "waiting") void this.#end(0);
  }

  /** What is told to somebody whose time is over. */
  late(waiter: LocalWaiter): Error {
    this.#room.counters.add("timeouts");
    const { wait } = this.#seen ?? {};
    const ahead = this.#waiters.ahead(waiter) + (wait?.position ?? 0);
    return refuseLate(this.name, waiter, { ahead, holder: this.#holder(), wait, cause: this.#trouble });
  }

  /** Whoever has it, as far as it is known here. */
  #holder(): LockHolder | undefined {
    return this.#held?.holderNow ?? this.#room.holder(this.#seen?.wait.holder);
  }
}
