import type { CallOptions, RedisBackend } from "../backend/backend.js";
import type { Script, ScriptReply } from "../backend/script.js";
import { systemClock } from "../core/clock.js";
import { CorruptDataError, UnavailableError } from "../core/errors.js";
import type { FailoverGuard, GuardArguments } from "./failover-guard.js";
import { parseForce, parseLock, viewOf } from "./lock-record.js";
import {
  askLock,
  endLock,
  forceLock,
  inspectLock,
  renewLock,
  writeRegister,
  type AskLockReply,
  type EndLockReply,
} from "./lua/scripts.generated.js";
import type {
  AskResult,
  EndResult,
  ForceParams,
  ForceReleaseResult,
  LockCallOptions,
  LockClaim,
  LockGrant,
  LockRequest,
  LockStore,
  LockView,
  RenewResult,
  StealResult,
  StoredHolder,
  WriteRegisterResult,
} from "./lock-store.js";

/** The server is another one than expected, or does not tell which. */
type Unguarded = readonly ["GENERATION", found: string] | readonly ["UNTOLD"];

const noClaim: LockClaim = { lease: 0, patience: 0, notes: "" };
const guardAttempts = 4;

/** Locks on Redis: one key each, one trip for each method, the server's time decides. */
export class RedisLockStore implements LockStore {
  readonly #backend: RedisBackend;
  readonly #guard: FailoverGuard;
  readonly #letters: { readonly mail: string; readonly counted: 0 | 1 };

  constructor(backend: RedisBackend, guard: FailoverGuard) {
    this.#backend = backend;
    this.#guard = guard;
    // On a cluster a node counts only those who listen at itself.
    this.#letters = { mail: backend.keys.mailPrefix, counted: backend.kind === "cluster" ? 0 : 1 };
  }

  async ask({ name, process, number }: LockRequest, claim: LockClaim, options?: LockCallOptions): Promise<AskResult> {
    const { lease, patience, notes } = claim;
    const args = { process, number, lease, patience, notes };
    return readAnswer(name, await this.#guarded(name, askLock, args, options));
  }

  async end(request: LockRequest, keep: number, options?: LockCallOptions): Promise<EndResult> {
    const reply = await this.#end(request, keep, 0, noClaim, options);
    if (reply[0] === "CORRUPT") throw corrupt(request.name);
    return { status: reply[0] === "GONE" ? "gone" : "ended" };
  }

  async endAndAsk(request: LockRequest, next: number, claim: LockClaim, options?: LockCallOptions): Promise<AskResult> {
    return readAnswer(request.name, await this.#end(request, 0, next, claim, options));
  }

  async renew(
    { name, process, number }: LockRequest,
    use: { readonly lease: number; readonly token: number; readonly held: number; readonly notes: string },
    options?: LockCallOptions,
  ): Promise<RenewResult> {
    const key = this.#key(name);
    const reply = await this.#backend.run(
      renewLock,
      { keys: { key }, args: { process, number, ...use } },
      callOptions(options),
    );
    if (reply[0] === "OK") return { status: "renewed", now: reply[1] };
    if (reply[0] === "CORRUPT") throw corrupt(name);
    const [, now, owner, token, since, left, notes, forced] = reply;
    const force = parseForce(forced);
    const isOurs = force?.process === process && force.number === number;
    return {
      status: "lost",
      holder: readHolder(now, owner, token, since, left, notes),
      force: isOurs ? force : undefined,
    };
  }

  async forceRelease(params: ForceParams & { readonly process: string }): Promise<ForceReleaseResult> {
    const request = { name: params.name, process: params.process, number: 0 };
    const result = await this.#force(params, request, noClaim);
    return result as ForceReleaseResult;
  }

  async steal(params: ForceParams, request: LockRequest, claim: Omit<LockClaim, "patience">): Promise<StealResult> {
    const result = await this.#force(params, request, claim);
    return result as StealResult;
  }

  async inspect(name: string): Promise<LockView> {
    const [, now, stored] = await this.#backend.run(inspectLock, { keys: { key: this.#key(name) }, args: {} });
    const lock = parseLock(stored);
    if (lock === undefined) throw corrupt(name);
    return viewOf(lock, now);
  }

  async write(params: {
    readonly register: string;
    readonly token: number;
    readonly process: string;
    readonly sequence: number;
    readonly life: number;
    readonly value: string;
  }): Promise<WriteRegisterResult> {
    const { register: name, ...args } = params;
    const reply = await this.#backend.run(writeRegister, { keys: { register: this.#registerKey(name) }, args });
    if (reply[0] === "CORRUPT") throw corruptRegister(name);
    return reply[0] === "OK" ? { status: "written" } : { status: "stale", token: reply[1] };
  }

  async read(register: string): Promise<{ readonly token: number; readonly value: string } | undefined> {
    const [text] = await this.#backend.read(this.#registerKey(register), [["get"]]);
    if (typeof text !== "string") return undefined;
    const match = /^1\|(\d+)\|[\w-]+\|\d+\n([^]*)$/.exec(text);
    if (match === null) throw corruptRegister(register);
    return { token: Number(match[1]), value: match[2] as string };
  }

  #end(
    { name, process, number }: LockRequest,
    keep: number,
    nextNumber: number,
    { lease, patience, notes }: LockClaim,
    options: LockCallOptions | undefined,
  ): Promise<Exclude<EndLockReply, Unguarded>> {
    const args = { process, number, keep, nextNumber, lease, patience, notes };
    return this.#guarded(name, endLock, args, options);
  }

  async #force(
    { name, operation, why, expected }: ForceParams,
    { process, number }: LockRequest,
    { lease, notes }: Omit<LockClaim, "patience">,
  ): Promise<ForceReleaseResult | StealResult> {
    const args = { operation, why, expected: expected ?? 0, process, number, lease, notes };
    const reply = await this.#guarded(name, forceLock, args, undefined);
    switch (reply[0]) {
      case "OK":
        return { status: "done" };
      case "FREE":
        return { status: "free" };
      case "GUARDED":
        return { status: "guarded", left: reply[1] };
      case "ENDED":
        return { status: "ended" };
      case "GRANTED":
        return readGrant(reply);
      case "CHANGED": {
        const [, now, owner, token, since, left, notesOfHolder] = reply;
        return { status: "changed", holder: readHolder(now, owner, token, since, left, notesOfHolder) };
      }
      case "CORRUPT":
        throw corrupt(name);
    }
  }

  /** Runs a script that may grant, and asks anew for the server's history when the script found another one. */
  async #guarded<A extends string, R extends ScriptReply>(
    name: string,
    script: Script<"key", A | "generation" | "notBefore" | "mail" | "counted", R>,
    own: Readonly<Record<A, string | number>>,
    options: LockCallOptions | undefined,
  ): Promise<Exclude<R, Unguarded>> {
    const key = this.#key(name);
    const end = systemClock.monotonic() + (options?.deadline ?? Number.NaN);
    // One deadline for all of it; the backend's own, which this does not know, is that of each step.
    const left = (): LockCallOptions => {
      if (options?.deadline === undefined) return { ...options };
      return { ...options, deadline: Math.max(1, end - systemClock.monotonic()) };
    };
    let guard: GuardArguments = this.#guard.known(key) ?? (await this.#guard.find(key, options?.deadline));
    for (let attempt = 1; ; attempt += 1) {
      const args = { ...own, ...guard, ...this.#letters };
      const reply = await this.#backend.run(script, { keys: { key }, args }, callOptions(left()));
      if (reply[0] !== "GENERATION" && reply[0] !== "UNTOLD") return reply as Exclude<R, Unguarded>;
      if (attempt === guardAttempts)
        throw new UnavailableError("the server's history of writes changes faster than it can be asked for");
      if (reply[0] === "UNTOLD") guard = this.#guard.giveUp();
      else guard = await this.#guard.find(key, left().deadline, guard.generation, reply[1] as string);
    }
  }

  #key(name: string): string {
    return this.#backend.keys.key("locks", name, "lock");
  }

  #registerKey(name: string): string {
    return this.#backend.keys.key("locks", name, "register");
  }
}

function callOptions(options: LockCallOptions | undefined): CallOptions | undefined {
  return options as CallOptions | undefined;
}

function readAnswer(name: string, reply: Exclude<AskLockReply | EndLockReply, Unguarded>): AskResult {
  switch (reply[0]) {
    case "GRANTED":
      return readGrant(reply);
    case "WAIT": {
      const [, at, left, now, guarded, owner, token, since, notes] = reply;
      const isGuarded = guarded === 1;
      const holder = isGuarded ? undefined : readHolder(now, owner, token, since, left, notes);
      return { status: "waiting", position: at < 0 ? undefined : at, left, now, holder, isGuarded };
    }
    case "CORRUPT":
      throw corrupt(name);
    default:
      return { status: "ended" };
  }
}

function readGrant([, token, lastToken, now, lease]: Extract<
  AskLockReply,
  readonly ["GRANTED", ...unknown[]]
>): LockGrant {
  return { status: "granted", token, lastToken, now, lease };
}

function readHolder(
  now: number,
  process: string,
  token: number,
  since: number,
  left: number,
  notes: string,
): StoredHolder | undefined {
  return left > 0 ? { process, token, since, until: now + left, notes } : undefined;
}

function corrupt(name: string): CorruptDataError {
  return new CorruptDataError(`the lock ${JSON.stringify(name)} holds a text that cannot be read`, {
    help: "somebody else writes under the namespace of the fleet; remove the key once nobody can hold the lock",
  });
}

function corruptRegister(name: string): CorruptDataError {
  return new CorruptDataError(`the register ${JSON.stringify(name)} holds a text that cannot be read`);
}
