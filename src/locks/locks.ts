import { randomBytes } from "node:crypto";
import { channels, trace } from "../core/diagnostics.js";
import type { Duration } from "../core/duration.js";
import { ClosedError } from "../core/errors.js";
import type { Fact } from "../core/settings-fingerprint.js";
import type { Mailbox } from "../feed/mailbox.js";
import type { RequestHandler } from "../http/handler.js";
import { Contender } from "./contender.js";
import { Candidate, type Election, type ElectOptions } from "./election.js";
import { LockBusyError, LockLostError, SelfDeadlockError } from "./errors.js";
import { FencedRegister } from "./fenced-register.js";
import { HeldLock, type Lock } from "./held-lock.js";
import { watchHolder } from "./holder-watch.js";
import { Holdings } from "./holding.js";
import type { Wanted } from "./local-waiter.js";
import { createLockMiddleware, type WithLockOptions } from "./lock-middleware.js";
import { formatForceNotes, formatNotes, type LockHolder } from "./lock-notes.js";
import { resolveLockTerms, type AcquireOptions, type LockOptions, type LockSettings } from "./lock-options.js";
import type { LockCounter, LockRoom } from "./lock-room.js";
import { inspectLock, type LockInspection, type LocksOfInstance } from "./lock-views.js";
import { refuseBusy, refuseGuarded } from "./refusals.js";

/** What `tryAcquire` finds. */
export type TryResult =
  | { readonly acquired: true; readonly lock: Lock }
  /** `holder` is undefined where nobody is known: it is being handed over, or the failover guard holds it. */
  | { readonly acquired: false; readonly holder: LockHolder | undefined };

/** Who takes a lock by force, and why. */
export interface ForceOptions {
  /** For whoever loses it, and for people who look at it. */
  readonly by: string;
  readonly reason?: string | undefined;
  /** Only from the holder with this token, as `inspect` showed it. */
  readonly token?: number | undefined;
}

/** What became of a lock that was to be taken by force. */
export type ForceResult =
  | { readonly status: "released" }
  | { readonly status: "free" }
  /** Another one than the expected has it; nothing was changed. */
  | { readonly status: "changed"; readonly holder: LockHolder | undefined };

/** What became of a steal. */
export type StealOutcome =
  | { readonly status: "stolen"; readonly lock: Lock }
  | { readonly status: "changed"; readonly holder: LockHolder | undefined };

/** What became of `once`. */
export type OnceResult<T> =
  | { readonly ran: true; readonly value: T }
  | { readonly ran: false; readonly holder: LockHolder | undefined };

/** How a lock is shared by a fleet, as strong as the backend makes it; docs/locks.md tells what each does not cover. */
export type LockLevel = "memory" | "single" | "guarded" | "replicated";

/** Plain numbers since start. */
export type LocksStats = Readonly<Record<LockCounter, number>>;

/** Locks that all instances of a fleet share: fair, fenced, and honest about their loss. */
export interface Locks {
  /** What the fleet's locks are safe against, as far as it is known now. */
  readonly level: LockLevel;
  /**
   * Runs a function while it holds the lock; waits for it first, 10 s by default, then rejects with `LockTimeoutError` that
   * names the holder. Inside, a `using` of the same lock shares it.
   *
   * Rejects with what the function throws, and with `LockLostError` when the function ends without the lock: its work may
   * have met with somebody else's. `lock.signal` tells when that happens, `lock.assert()` right before what matters.
   */
  using<T>(name: string, fn: (lock: Lock) => T | Promise<T>): Promise<T>;
  using<T>(name: string, options: AcquireOptions, fn: (lock: Lock) => T | Promise<T>): Promise<T>;
  /**
   * Waits for the lock. `await using lock = await locks.acquire(name)` gives it back at the end of the block.
   *
   * Rejects with `LockTimeoutError`; `LockBusyError` with `wait: 0`; `SelfDeadlockError` at once where the running code has
   * it by a `using`; the reason of `signal`; and as the backend does, when it does not answer.
   */
  acquire(name: string, options?: AcquireOptions): Promise<Lock>;
  /** Takes the lock if it is free and nobody waits; otherwise says who has it. */
  tryAcquire(name: string, options?: LockOptions): Promise<TryResult>;
  /** Who has it and who waits, anywhere. */
  inspect(name: string): Promise<LockInspection>;
  /** What this instance holds and waits for; of every living instance with `everywhere`. */
  query(options?: { readonly everywhere?: boolean }): Promise<readonly LocksOfInstance[]>;
  /** Ends the hold of whoever has the lock; the first who waits gets it. The holder loses it with the reason `forced`. */
  forceRelease(name: string, options: ForceOptions): Promise<ForceResult>;
  /** Takes the lock at once, ahead of all who wait; whoever had it loses it with the reason `stolen`. */
  steal(name: string, options: ForceOptions & LockOptions): Promise<StealOutcome>;
  /** Stands for a leadership that one instance has at a time. */
  elect(name: string, options?: ElectOptions): Election;
  /** Calls the listener with whoever has a lock, or leads, now and whenever that changes; looked at every third of a lease. */
  observe(name: string, listener: (holder: LockHolder | undefined) => void): () => void;
  /** Runs a function on the first instance that comes, and on no other for `minHold`: what a timer does on every instance. */
  once<T>(
    name: string,
    options: LockOptions & { readonly minHold: Duration },
    fn: (lock: Lock) => T | Promise<T>,
  ): Promise<OnceResult<T>>;
  /** Holds a lock while a request is answered; `req.lock` is it. 423 names the holder when it is not to be had. */
  withLock(options: WithLockOptions): RequestHandler;
  /** A value on the backend that refuses writers with an old token. */
  register(name: string): FencedRegister;
  stats(): LocksStats;
}

/** What the locks of a fleet are made of. */
export interface LockManagerOptions {
  readonly room: LockRoom;
  readonly settings: LockSettings;
  /** The name of the instance. */
  readonly instance: string;
  readonly level: () => LockLevel;
  /** Asks every living instance. */
  readonly everywhere: () => Promise<readonly LocksOfInstance[]>;
}

const idleKept = 1_000;

/** The locks of one fleet in this process. */
export class LockManager implements Locks {
  readonly #options: LockManagerOptions;
  readonly #room: LockRoom;
  readonly #contenders = new Map<string, Contender>();
  readonly #candidates = new Set<Candidate>();
  readonly #using = new Set<Promise<unknown>>();
  readonly #watches = new Set<() => void>();
  readonly #holdings = new Holdings();
  readonly #anonymous: string;
  readonly #operation = randomBytes(9).toString("base64url");
  #operations = 0;
  #writes = 0;
  #inUse = false;
  #closed = false;

  constructor(options: LockManagerOptions) {
    this.#options = options;
    this.#room = options.room;
    this.#anonymous = formatNotes(options.instance, {});
  }

  get level(): LockLevel {
    return this.#options.level();
  }

  using<T>(
    name: string,
    ...rest: [(lock: Lock) => T | Promise<T>] | [AcquireOptions | undefined, (lock: Lock) => T | Promise<T>]
  ): Promise<T> {
    const [options, fn] = rest.length === 1 ? [{}, rest[0]] : rest;
    if (typeof fn !== "function") return Promise.reject(new TypeError("`using` needs the function to run"));
    const outer = this.#holdings.find(name);
    if (outer !== undefined) return this.#share(outer.lock, fn);
    const running = this.#use(name, options ?? {}, fn).finally(() => this.#using.delete(running));
    this.#using.add(running);
    return running;
  }

  async acquire(name: string, options: AcquireOptions = {}): Promise<Lock> {
    return this.#acquire(name, options);
  }

  async tryAcquire(name: string, options: LockOptions = {}): Promise<TryResult> {
    this.#check(name);
    const wanted = this.#wanted({ ...options, wait: 0 });
    const contender = this.#contender(name);
    if (!contender.isFree) {
      this.#room.counters.add("busy");
      return { acquired: false, holder: (await this.inspect(name)).holder };
    }
    try {
      return { acquired: true, lock: await contender.acquire(wanted) };
    } catch (error) {
      if (error instanceof LockBusyError) return { acquired: false, holder: error.holder };
      throw error;
    }
  }

  async inspect(name: string): Promise<LockInspection> {
    this.#check(name);
    return inspectLock(await this.#room.store.inspect(name), this.#room.process);
  }

  async query({ everywhere = false }: { readonly everywhere?: boolean } = {}): Promise<readonly LocksOfInstance[]> {
    if (this.#closed) throw new ClosedError();
    return everywhere ? this.#options.everywhere() : [this.here()];
  }

  /** Answers what other instances ask of this one; the returned function ends that. */
  join(mailbox: Pick<Mailbox, "on">): () => void {
    return mailbox.on("locks", "query", () => JSON.stringify(this.here()));
  }

  /** Whether the app has used a lock. */
  get inUse(): boolean {
    return this.#inUse;
  }

  /** What must be the same on all instances: how long others wait for what a failover may have lost. */
  sharedSettings(): Fact {
    const { maxLease, failover } = this.#options.settings;
    return { maxLease, failover };
  }

  /** What this instance holds and waits for. */
  here(): LocksOfInstance {
    const all = [...this.#contenders.values()].map(({ name, here }) => ({ name, ...here }));
    return {
      instance: this.#options.instance,
      held: all.flatMap(({ name, holder }) =>
        holder?.lock.held === true
          ? [{ name, token: holder.lock.token, remaining: Math.floor(holder.lock.remaining) }]
          : [],
      ),
      pending: all.flatMap(({ name, waiting }) => (waiting > 0 ? [{ name, waiting }] : [])),
    };
  }

  async forceRelease(name: string, options: ForceOptions): Promise<ForceResult> {
    this.#check(name);
    const result = await this.#room.store.forceRelease({ ...this.#force(name, options), process: this.#room.process });
    if (result.status === "changed") return { status: "changed", holder: this.#room.holder(result.holder) };
    if (result.status === "free") return result;
    this.#room.counters.add("forced");
    // If it was held here, whoever had it need not wait for the letter, which may be missed.
    this.#contenders.get(name)?.askAgain();
    return { status: "released" };
  }

  async steal(name: string, options: ForceOptions & LockOptions): Promise<StealOutcome> {
    this.#check(name);
    const { token: _token, by, ...terms } = options;
    const wanted = this.#wanted({ owner: by, ...terms });
    const result = await this.#contender(name).steal(this.#force(name, options), wanted);
    if (result instanceof HeldLock) {
      this.#room.counters.add("stolen");
      return { status: "stolen", lock: result };
    }
    if (result.status === "changed") return { status: "changed", holder: this.#room.holder(result.holder) };
    throw refuseGuarded(name, result.status === "guarded" ? result.left : 0);
  }

  elect(name: string, options: ElectOptions = {}): Election {
    this.#check(name);
    const { onElected: _elected, onDemoted: _demoted, ...terms } = options;
    const candidate = new Candidate(name, options, {
      locks: this,
      clock: this.#room.clock,
      logger: this.#room.logger,
      lease: this.#wanted(terms).terms.lease,
      onClosed: () => this.#candidates.delete(candidate),
    });
    this.#candidates.add(candidate);
    return candidate;
  }

  observe(name: string, listener: (holder: LockHolder | undefined) => void): () => void {
    this.#check(name);
    const { clock, logger } = this.#room;
    const stop = watchHolder(name, { locks: this, clock, logger, lease: this.#options.settings.lease }, listener);
    const end = (): void => {
      stop();
      this.#watches.delete(end);
    };
    this.#watches.add(end);
    return end;
  }

  async once<T>(
    name: string,
    options: LockOptions & { readonly minHold: Duration },
    fn: (lock: Lock) => T | Promise<T>,
  ): Promise<OnceResult<T>> {
    try {
      return { ran: true, value: await this.using(name, { ...options, wait: 0 }, fn) };
    } catch (error) {
      if (error instanceof LockBusyError && error.lock === name) return { ran: false, holder: error.holder };
      throw error;
    }
  }

  withLock(options: WithLockOptions): RequestHandler {
    const { name: _name, status: _status, detach: _detach, ...wanted } = options;
    // A mistake in them is told when the app is set up, not at each request.
    this.#wanted(wanted);
    return createLockMiddleware(this, options);
  }

  register(name: string): FencedRegister {
    this.#check(name);
    const { store, process } = this.#room;
    return new FencedRegister(name, { store, process, sequence: () => (this.#writes += 1) });
  }

  stats(): LocksStats {
    return this.#room.counters.snapshot();
  }

  /** Leaderships are given up, and every `using` that runs ends; never rejects. */
  async settle(): Promise<void> {
    await Promise.all([...this.#candidates].map((candidate) => candidate.close()));
    await Promise.allSettled(this.#using);
  }

  /** Refuses whoever waits, takes the locks from whoever still has them, and gives them back. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const end of [...this.#watches]) end();
    const error = new ClosedError();
    await Promise.all([...this.#contenders.values()].map((contender) => contender.close(error)));
    this.#room.close();
  }

  #acquire(name: string, options: AcquireOptions): Promise<HeldLock> {
    this.#check(name);
    if (this.#holdings.find(name) !== undefined) throw new SelfDeadlockError(name);
    const wanted = this.#wanted(options);
    if (options.signal?.aborted === true) throw options.signal.reason;
    const contender = this.#contender(name);
    if (!wanted.isPatient && !contender.isFree) return this.#refuse(name);
    return trace(channels.lockAcquire, {}, () => contender.acquire(wanted));
  }

  async #refuse(name: string): Promise<never> {
    this.#room.counters.add("busy");
    const { holder } = await this.inspect(name);
    throw refuseBusy(name, holder, undefined);
  }

  async #use<T>(name: string, options: AcquireOptions, fn: (lock: Lock) => T | Promise<T>): Promise<T> {
    const lock = await this.#acquire(name, options);
    let value: T;
    try {
      value = await this.#holdings.run(lock, () => fn(lock));
    } catch (error) {
      await lock.release();
      throw error;
    }
    if (await lock.release()) return value;
    // Without a reason it was lost so lately that the backend's answer is the first to tell.
    throw lock.lost ?? new LockLostError("failover", { lock: name, token: lock.token });
  }

  /** A `using` inside of another of the same lock. */
  async #share<T>(lock: HeldLock, fn: (lock: Lock) => T | Promise<T>): Promise<T> {
    lock.assert();
    const value = await fn(lock);
    lock.assert();
    return value;
  }

  #contender(name: string): Contender {
    let contender = this.#contenders.get(name);
    if (contender === undefined) {
      contender = new Contender(name, this.#room, this.#onIdle);
      this.#room.join(name, contender);
      this.#contenders.set(name, contender);
    }
    return contender;
  }

  /** A few are kept: locks that are taken again and again would have the tables rebuilt all the time. */
  readonly #onIdle = ({ name }: Contender): void => {
    if (this.#contenders.size <= idleKept) return;
    this.#contenders.delete(name);
    this.#room.leave(name);
  };

  #wanted({ owner, reason, details, signal, ...options }: AcquireOptions): Wanted {
    const terms = resolveLockTerms(this.#options.settings, options);
    const isAnonymous = owner === undefined && reason === undefined && details === undefined;
    const notes = isAnonymous ? this.#anonymous : formatNotes(this.#options.instance, { owner, reason, details });
    return { terms, notes, signal, isPatient: terms.wait > 0 };
  }

  #force(name: string, { by, reason, token }: ForceOptions): Parameters<LockRoom["store"]["forceRelease"]>[0] {
    if (typeof by !== "string" || by === "") throw new TypeError("`by` has to say who takes a lock by force");
    if (token !== undefined && !(Number.isSafeInteger(token) && token > 0))
      throw new TypeError("`token` is the one that `inspect` showed, or left out");
    const operation = `${this.#operation}.${(this.#operations += 1)}`;
    return { name, operation, why: formatForceNotes({ by, reason }), expected: token, process: this.#room.process };
  }

  #check(name: string): void {
    if (this.#closed) throw new ClosedError();
    if (typeof name !== "string" || name === "") throw new TypeError("a lock needs a name: a text that is not empty");
    if (this.#inUse) return;
    this.#inUse = true;
    this.#room.listen();
  }
}
