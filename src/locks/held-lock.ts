import type { Lease } from "./lease.js";
import { LockLostError } from "./errors.js";

/** A lock that this process holds until it is released or lost. */
export interface Lock extends AsyncDisposable {
  readonly name: string;
  /** The fencing token: higher than that of everybody who held this lock before. Give it to whatever you write to. */
  readonly token: number;
  /** Whether it is held now, computed at each look: this process stops to trust in it before anybody else can get it. */
  readonly held: boolean;
  /** Milliseconds for which it is held if no renewal succeeds any more; 0 once it is not held. */
  readonly remaining: number;
  /** Why it was lost; undefined while it is held and after its release. */
  readonly lost: LockLostError | undefined;
  /** Aborts with the `LockLostError` when the lock is lost. */
  readonly signal: AbortSignal;
  /** Throws `LockLostError` unless it is held now: right before what nobody else may do at the same time. */
  assert(): void;
  /** Called once when the lock is lost, at once when it is already; the returned function ends that. */
  onLost(listener: (error: LockLostError) => void): () => void;
  /**
   * Gives it back; whether it was held until now. Never rejects: where the backend does not answer, the release is tried
   * again until the lease has ended by itself. A second call does nothing more.
   */
  release(): Promise<boolean>;
}

/** What a held lock asks of whoever got it. */
export interface Hold {
  readonly name: string;
  readonly lease: Lease;
  release(lock: HeldLock): Promise<boolean>;
}

/** The lock as users hold it. */
export class HeldLock implements Lock {
  readonly name: string;
  readonly token: number;
  /** Milliseconds of the monotonic clock. */
  readonly since: number;
  readonly #hold: Hold;
  #lost: LockLostError | undefined;
  #released: Promise<boolean> | undefined;
  #controller: AbortController | undefined;

  constructor(hold: Hold, token: number) {
    this.name = hold.name;
    this.token = token;
    this.#hold = hold;
    this.since = hold.lease.now;
  }

  get held(): boolean {
    return this.#released === undefined && this.#lost === undefined && this.#hold.lease.remaining > 0;
  }

  get remaining(): number {
    return this.#released === undefined && this.#lost === undefined ? this.#hold.lease.remaining : 0;
  }

  get lost(): LockLostError | undefined {
    return this.#lost;
  }

  /** Made when it is first asked for: most holds are too short to ask. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#lost !== undefined) this.#controller.abort(this.#lost);
    }
    return this.#controller.signal;
  }

  assert(): void {
    if (this.held) return;
    // The timer that tells it may be late; this look is not.
    throw this.#lost ?? new LockLostError("expired", { lock: this.name, token: this.token });
  }

  onLost(listener: (error: LockLostError) => void): () => void {
    const { signal } = this;
    const tell = (): void => listener(signal.reason as LockLostError);
    if (signal.aborted) tell();
    else signal.addEventListener("abort", tell, { once: true });
    return () => signal.removeEventListener("abort", tell);
  }

  release(): Promise<boolean> {
    this.#released ??= this.#lost === undefined ? this.#hold.release(this) : Promise.resolve(false);
    return this.#released;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** It is held no more; told once, and nothing to one that was released. */
  lose(error: LockLostError): void {
    if (this.#lost !== undefined || this.#released !== undefined) return;
    this.#lost = error;
    this.#controller?.abort(error);
  }
}
