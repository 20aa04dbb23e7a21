import type { RedisBackend, RunOptions } from "../backend/backend.js";
import type { Script, ScriptReply } from "../backend/script.js";
import { systemClock } from "../core/clock.js";
import { CorruptDataError, UnavailableError } from "../core/errors.js";
import type { FailoverGuard, GuardArguments } from "./failover-guard.js";
import { parseForce, parseLock, viewOf } from "./lock-record.js";
import {
  askLock,
  endAndAskLock,
  endLock,
  forceLock,
  inspectLock,
  renewLock,
  writeRegister,
  type AskLockReply,
  type EndAndAskLockReply,
  type EndLockReply,
  type ForceLockReply,
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

type GuardedArgument = "generation" | "notBefore" | "mail" | "counted";

/** The server is another one than expected, or does not tell which. */
type Unguarded = readonly ["GENERATION", found: string] | readonly ["UNTOLD"];

/** A reply of which the guard has had its look. */
type Known<R> = Exclude<R, Unguarded>;

const noClaim: LockClaim = { lease: 0, patience: 0, notes: "" };
const guardAttempts = 4;

/** Locks on Redis: one key each, one trip for each method, the server's time decides. */
export class RedisLockStore implements LockStore {
  readonly #backend: RedisBackend;
  readonly #guard: FailoverGuard;
  readonly #mail: string;
  /** Whether PUBLISH answers how many hear it: on a cluster a node counts only those who listen at itself. */
  readonly #counted: 0 | 1;

  constructor(backend: RedisBackend, guard: FailoverGuard) {
    this.#backend = backend;
    this.#guard = guard;
    this.#mail = backend.keys.mailPrefix;
    this.#counted = backend.kind === "cluster" ? 0 : 1;
  }

  ask({ name, process, number }: LockRequest, claim: LockClaim, options?: LockCallOptions): Promise<AskResult> {
    const { lease, patience, notes } = claim;
    const args = { process, number, lease, patience, notes };
    return this.#guarded(name, askLock, args, options, readAnswer);
  }

  end({ name, process, number }: LockRequest, keep: number, options?: LockCallOptions): Promise<EndResult> {
    return this.#guarded(name, endLock, { process, number, keep }, options, readEnd);
  }

  endAndAsk(
    { name, process, number }: LockRequest,
    next: number,
    { lease, patience, notes }: LockClaim,
    options?: LockCallOptions,
  ): Promise<AskResult> {
    const args = { process, number, nextNumber: next, lease, patience, notes };
    return this.#guarded(name, endAndAskLock, args, options, readAnswer);
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
      runOptions(options),
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

  #force(
    { name, operation, why, expected }: ForceParams,
    { process, number }: LockRequest,
    { lease, notes }: Omit<LockClaim, "patience">,
  ): Promise<ForceReleaseResult | StealResult> {
    const args = { operation, why, expected: expected ?? 0, process, number, lease, notes };
    return this.#guarded(name, forceLock, args, undefined, readForce);
  }

  /** Runs a script that may grant; mostly the server's history is known, and this is one call. */
  #guarded<A extends string, R extends ScriptReply, T>(
    name: string,
    script: Script<"key", A | GuardedArgument, R>,
    own: Readonly<Record<A, string | number>>,
    options: LockCallOptions | undefined,
    read: (reply: Known<R>, name: string) => T,
  ): Promise<T> {
    const keys = { key: this.#key(name) };
    const send = ({ generation, notBefore }: GuardArguments, deadline?: number): Promise<R> => {
      const args = Object.assign(own, { generation, notBefore, mail: this.#mail, counted: this.#counted });
      return this.#backend.run(script, { keys, args }, runOptions(options, deadline));
    };
    const known = this.#guard.known(keys.key);
    if (known === undefined) return this.#sendGuarded(keys.key, send, options).then((reply) => read(reply, name));
    return send(known).then((reply) => {
      if (!isUnguarded(reply)) return read(reply as Known<R>, name);
      return this.#sendGuarded(keys.key, send, options, known, reply).then((other) => read(other, name));
    });
  }

  /** The history is not known, or the script found another one; one deadline for all of it where the caller gave one. */
  async #sendGuarded<R extends ScriptReply>(
    key: string,
    send: (guard: GuardArguments, deadline?: number) => Promise<R>,
    { deadline }: LockCallOptions = {},
    known?: GuardArguments,
    refusal?: R,
  ): Promise<Known<R>> {
    const end = systemClock.monotonic() + (deadline ?? Number.NaN);
    const left = (): number | undefined =>
      deadline === undefined ? undefined : Math.max(1, end - systemClock.monotonic());
    let [guard, reply] = [known, refusal];
    for (let attempt = 1; attempt <= guardAttempts; attempt += 1) {
      if (reply?.[0] === "UNTOLD") guard = this.#guard.giveUp();
      else guard = await this.#guard.find(key, left(), guard?.generation, reply?.[1] as string | undefined);
      reply = await send(guard, left());
      if (!isUnguarded(reply)) return reply as Known<R>;
    }
    throw new UnavailableError("the server's history of writes changes faster than it can be asked for", {
      executed: "maybe",
    });
  }

  #key(name: string): string {
    return this.#backend.keys.key("locks", name, "lock");
  }

  #registerKey(name: string): string {
    return this.#backend.keys.key("locks", name, "register");
  }
}

function runOptions(
  { deadline: whole, replicas }: LockCallOptions = {},
  deadline: number | undefined = whole,
): RunOptions | undefined {
  if (deadline === undefined && replicas === undefined) return undefined;
  return { ...(deadline === undefined ? {} : { deadline }), ...(replicas === undefined ? {} : { replicas }) };
}

function isUnguarded(reply: ScriptReply): boolean {
  return reply[0] === "GENERATION" || reply[0] === "UNTOLD";
}
function readAnswer(reply: Known<AskLockReply | EndAndAskLockReply>, name: string): AskResult {
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

function readEnd(reply: Known<EndLockReply>, name: string): EndResult {
  if (reply[0] === "CORRUPT") throw corrupt(name);
  return { status: reply[0] === "GONE" ? "gone" : "ended" };
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

function readForce(reply: Known<ForceLockReply>, name: string): ForceReleaseResult | StealResult {
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
