import type { MemoryBackend } from "../backend/backend.js";
import { CorruptDataError, StorageFullError } from "../core/errors.js";
import { TextTable } from "../backend/text-table.js";
import { formatLock, holderOf, parseForce, parseLock, viewOf, type LockRecord } from "./lock-record.js";
import {
  askFor,
  grantTo,
  hasEnded,
  heldBy,
  isOfGrant,
  markEnded,
  promoteFirst,
  release,
  removeWaiter,
  toGrant,
  type LetterList,
} from "./lock-steps.js";
import type {
  AskResult,
  EndResult,
  ForceParams,
  ForceReleaseResult,
  LockClaim,
  LockRequest,
  LockStore,
  LockView,
  RenewResult,
  StealResult,
  WriteRegisterResult,
} from "./lock-store.js";

const keptFree = 60_000;

/**
 * Locks in the process' memory, as the same texts that Redis would hold.
 *
 * Every method decides and acts in one synchronous step; the promise only carries the answer.
 */
export class MemoryLockStore implements LockStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async ask(request: LockRequest, claim: LockClaim): Promise<AskResult> {
    const lock = this.#read(request.name);
    const { process, number } = request;
    const waits = lock.waiters.some((waiter) => waiter.process === process && waiter.number === number);
    const before = formatLock(lock);
    const letters: LetterList = [];
    const result = askFor(lock, request, claim, this.#backend.time(), letters);
    // Who only looks on stores nothing, and who waits already adds nothing: a full backend lets both pass.
    if (formatLock(lock) !== before) this.#write(request.name, lock, !waits);
    this.#send(request.name, letters);
    return result;
  }

  async end(request: LockRequest, keep: number): Promise<EndResult> {
    const now = this.#backend.time();
    const lock = this.#read(request.name);
    const result = this.#end(lock, request, keep, now);
    const letters: LetterList = [];
    if (lock.expires <= now) promoteFirst(lock, undefined, now, letters);
    this.#write(request.name, lock, false);
    this.#send(request.name, letters);
    return result;
  }

  async endAndAsk(request: LockRequest, next: number, claim: LockClaim): Promise<AskResult> {
    const now = this.#backend.time();
    const lock = this.#read(request.name);
    this.#end(lock, request, 0, now);
    const letters: LetterList = [];
    const result = askFor(lock, { ...request, number: next }, claim, now, letters);
    this.#write(request.name, lock, false);
    this.#send(request.name, letters);
    return result;
  }

  async renew(
    { name, process, number }: LockRequest,
    use: { readonly lease: number; readonly token: number; readonly held: number; readonly notes: string },
  ): Promise<RenewResult> {
    const now = this.#backend.time();
    const lock = this.#read(name);
    const isCurrent = lock.owner === process && lock.number === number && isOfGrant(lock, use.token);
    if (!isCurrent || lock.expires <= now) {
      const force = parseForce(lock.forced);
      const isOurs = force?.process === process && force.number === number;
      return { status: "lost", holder: holderOf(lock, now), force: isOurs ? force : undefined };
    }
    lock.expires = Math.max(lock.expires, now + use.lease);
    if (use.token >= lock.token) {
      // Since when the same one has it goes by the delivery that came first.
      lock.since = use.token > lock.token ? now - use.held : Math.min(lock.since, now - use.held);
      lock.token = use.token;
      lock.notes = use.notes;
    }
    this.#write(name, lock, false);
    return { status: "renewed", now };
  }

  async forceRelease({
    name,
    operation,
    why,
    expected,
  }: ForceParams & { readonly process: string }): Promise<ForceReleaseResult> {
    const now = this.#backend.time();
    const lock = this.#read(name);
    if (lock.forced.startsWith(`${operation}|`)) return { status: "done" };
    if (lock.expires <= now) return { status: "free" };
    if (expected !== undefined && lock.token !== expected) return { status: "changed", holder: holderOf(lock, now) };
    const letters: LetterList = [];
    this.#takeBack(lock, "forced", operation, why, now, letters);
    promoteFirst(lock, undefined, now, letters);
    this.#write(name, lock, false);
    this.#send(name, letters);
    return { status: "done" };
  }

  async steal(
    { name, operation, why, expected }: ForceParams,
    { process, number }: LockRequest,
    { lease, notes }: Omit<LockClaim, "patience">,
  ): Promise<StealResult> {
    const now = this.#backend.time();
    const lock = this.#read(name);
    const held = heldBy(lock, process, now);
    if (held === number) return toGrant(lock, now);
    if (lock.forced.startsWith(`${operation}|`) || hasEnded(lock, process, number)) return { status: "ended" };
    const waits = lock.waiters.find((waiter) => waiter.process === process)?.number;
    if (Math.max(held ?? 0, waits ?? 0) > number) return { status: "ended" };
    if (expected !== undefined && (lock.expires <= now || lock.token !== expected))
      return { status: "changed", holder: holderOf(lock, now) };
    const letters: LetterList = [];
    this.#takeBack(lock, "stolen", operation, why, now, letters);
    removeWaiter(lock, process);
    grantTo(lock, { process, number, lease, notes }, now);
    this.#write(name, lock, false);
    this.#send(name, letters);
    return toGrant(lock, now);
  }

  async inspect(name: string): Promise<LockView> {
    return viewOf(this.#read(name), this.#backend.time());
  }

  async write(params: {
    readonly register: string;
    readonly token: number;
    readonly process: string;
    readonly sequence: number;
    readonly life: number;
    readonly value: string;
  }): Promise<WriteRegisterResult> {
    const { register, token, process, sequence, life, value } = params;
    const stored = this.#readRegister(register);
    if (stored !== undefined) {
      if (stored.token > token) return { status: "stale", token: stored.token };
      if (stored.token === token && stored.process === process && stored.sequence >= sequence)
        return { status: "written" };
    }
    const text = `1|${token}|${process}|${sequence}\n${value}`;
    const end = life === 0 ? Number.POSITIVE_INFINITY : this.#backend.time() + life;
    if (!this.#table.set(this.#registerKey(register), text, end)) throw full();
    return { status: "written" };
  }

  async read(register: string): Promise<{ readonly token: number; readonly value: string } | undefined> {
    const stored = this.#readRegister(register);
    return stored && { token: stored.token, value: stored.value };
  }

  /** Throws `ClosedError` once the backend is closed. */
  get #table(): TextTable {
    return this.#backend.room("locks", () => new TextTable(this.#backend));
  }

  #end(lock: LockRecord, { process, number }: LockRequest, keep: number, now: number): EndResult {
    if (hasEnded(lock, process, number)) return { status: "ended" };
    const held = heldBy(lock, process, now);
    const holds = held !== undefined && held <= number;
    const waits = lock.waiters.some((waiter) => waiter.process === process && waiter.number <= number);
    if (holds) release(lock, process, number, now);
    if (holds && keep > 0) lock.expires = now + keep;
    if (waits) removeWaiter(lock, process);
    markEnded(lock, process, number, now);
    return { status: holds || waits ? "ended" : "gone" };
  }

  #takeBack(
    lock: LockRecord,
    kind: "stolen" | "forced",
    operation: string,
    why: string,
    now: number,
    letters: LetterList,
  ): void {
    const { owner, number } = lock.expires > now ? lock : { owner: "", number: 0 };
    lock.forced = `${operation}|${owner}|${number}|${kind}|${why}`;
    lock.owner = "";
    lock.expires = 0;
    if (owner === "") return;
    markEnded(lock, owner, number, now);
    letters.push([owner, "lost", lock.forced]);
  }

  #read(name: string): LockRecord {
    const lock = parseLock(this.#table.get(this.#key(name))?.text ?? "");
    if (lock === undefined) throw new CorruptDataError(`the lock ${JSON.stringify(name)} cannot be read`);
    return lock;
  }

  #write(name: string, lock: LockRecord, isNew: boolean): void {
    const now = this.#backend.time();
    const end = Math.max(now, lock.expires) + keptFree;
    const [key, text] = [this.#key(name), formatLock(lock)];
    if (!isNew) this.#table.force(key, text, end);
    else if (!this.#table.set(key, text, end)) throw full();
  }

  /** Told when all is stored, and never before this turn ends. */
  #send(name: string, letters: LetterList): void {
    for (const [to, kind, payload] of letters)
      void this.#backend.publish(this.#backend.keys.mailChannel(to), `locks|${kind}|||${this.#key(name)}\n${payload}`);
  }

  #readRegister(
    register: string,
  ):
    | { readonly token: number; readonly process: string; readonly sequence: number; readonly value: string }
    | undefined {
    const text = this.#table.get(this.#registerKey(register))?.text;
    if (text === undefined) return undefined;
    const match = /^1\|(\d+)\|([\w-]+)\|(\d+)\n([^]*)$/.exec(text);
    if (match === null) throw new CorruptDataError(`the register ${JSON.stringify(register)} cannot be read`);
    const [, token, process = "", sequence, value = ""] = match;
    return { token: Number(token), process, sequence: Number(sequence), value };
  }

  #key(name: string): string {
    return this.#backend.keys.key("locks", name, "lock");
  }

  #registerKey(name: string): string {
    return this.#backend.keys.key("locks", name, "register");
  }
}

function full(): StorageFullError {
  return new StorageFullError("the embedded backend has no room for another lock", {
    help: "raise the backend's memory limit, or use a Redis backend",
  });
}
