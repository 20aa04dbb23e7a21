import type { EventEmitter } from "node:events";
import expressSession from "express-session";
import { CorruptDataError } from "../core/errors.js";
import { maxAgeOf } from "./cookie-attributes.js";
import { SessionGoneError } from "./errors.js";
import { addressOf, sameToken, type SessionAddress } from "./identifier.js";
import { parseObject } from "./record.js";
import type { SaveOutcome, SavePlan } from "./save-coordinator.js";
import type { SessionRequest } from "./session-request.js";
import type { SessionRoom } from "./session-room.js";
import type { LoadResult } from "./session-store.js";
import { contentOf, payloadOf, TrackedSession, type SessionLike } from "./tracked-session.js";

/** Called once, after the method has returned or before it; what it throws is thrown to the process, as from any callback. */
export type StoreCallback = (error?: unknown) => void;

/**
 * The store to give to `session({ store })` of express-session.
 *
 * Errors that reach a callback are `FleetError`s with `status` and `headers` (503 and `Retry-After` when the backend is away).
 */
export interface ExpressStore extends EventEmitter {
  /** Loads in one trip, and extends the session once a tenth of its idle time has passed. */
  get(id: string, callback: (error: any, session?: any) => void): void;
  /** Saves what changed, merged with what others wrote; no trip when nothing did. A session that ended is not brought back. */
  set(id: string, session: any, callback?: (error?: any) => void): void;
  /** Extends when that is due, and saves a cookie that was changed; usually no trip. */
  touch(id: string, session: any, callback?: () => void): void;
  /** Ends the session for every request that runs or comes. */
  destroy(id: string, callback?: (error?: any) => void): void;
  createSession(request: any, session: any): any;
  regenerate(request: any, callback: (error?: any) => any): void;
  load(id: string, callback: (error: any, session?: any) => any): void;
}

/** What one store, or one middleware, does where the fleet's other ones may do otherwise. */
export interface StorePolicy {
  /** Milliseconds that a session lives without requests when its cookie does not say. */
  readonly idle: number;
  /** Milliseconds until a session ends whatever is done, 0 for never; `maxAge` is its cookie's. */
  readonly absolute: (maxAge: number | undefined) => number;
  readonly onReadError: "error" | "anonymous";
  readonly onWriteError: "error" | "log";
  readonly onGone: "drop" | "error";
  readonly onCorrupt: "discard" | "error";
}

interface BaseStore extends EventEmitter {
  createSession(request: unknown, session: unknown): SessionLike;
  regenerate(request: unknown, callback: StoreCallback): void;
  load(id: string, callback: (error: unknown, session?: unknown) => void): void;
}

/** Carries what was loaded from `get` to `createSession`, where the session object is made. */
const tracking = Symbol("express-fleet.tracking");

const LibraryStore: new () => BaseStore = expressSession.Store as unknown as new () => BaseStore;

/** One facade over the room: express-session writes its own `generate` on each store that it is given. */
export class ExpressSessionStore extends LibraryStore implements ExpressStore {
  readonly #room: SessionRoom;
  /** Gives a request a new session, for `regenerate`; set by the middleware that uses this store, ours or express-session's. */
  generate: ((request: SessionRequest) => void) | undefined;
  readonly #policy: StorePolicy;
  readonly #tracked = new WeakMap<object, TrackedSession>();
  #regenerating = false;

  constructor(room: SessionRoom, policy: StorePolicy) {
    super();
    this.#room = room;
    this.#policy = policy;
    // Every `session()` that gets this store adds a pair of listeners, for events that are never emitted.
    this.setMaxListeners(0);
  }

  /** What is known of a session object that this store loaded or saved. */
  tracked(session: object): TrackedSession | undefined {
    return this.#tracked.get(session);
  }

  /** Whether a save of that text would write. */
  changes(tracked: TrackedSession, session: SessionLike, payload: string): boolean {
    return payload !== tracked.snapshot.payload || tracked.changedCookie(session.cookie);
  }

  /** As `set`, with the text of the session that was made already. */
  save(id: string, session: SessionLike, payload: string, callback: StoreCallback): void {
    const replan = (): SavePlan => this.#plan(id, session, payloadOf(session));
    this.#write(id, session, () => this.#plan(id, session, payload), replan, callback);
  }

  /** Extends a session that did not change, when that is due; nobody waits for it. */
  extend(tracked: TrackedSession): void {
    if (this.#isDue(tracked)) void this.#touch(tracked);
  }

  get(id: string, callback: (error: unknown, session?: unknown) => void): void {
    deliver(this.#load(id), callback);
  }

  set(id: string, session: SessionLike, callback: StoreCallback = this.#unheard): void {
    const plan = (): SavePlan => this.#plan(id, session, payloadOf(session));
    this.#write(id, session, plan, plan, callback);
  }

  touch(id: string, session: SessionLike, callback: StoreCallback = this.#unheard): void {
    const tracked = this.#tracked.get(session);
    if (tracked === undefined || tracked.id !== id) {
      deliver(this.#room.touch(addressOf(id)).then(noError), callback);
      return;
    }
    const plan = (): SavePlan => this.#planUpdate(tracked, session, tracked.snapshot.payload);
    this.#write(id, session, plan, plan, callback);
  }

  destroy(id: string, callback: StoreCallback = this.#unheard): void {
    deliver(this.#regenerating ? this.#room.destroy(addressOf(id)).then(noError) : this.#end(id), callback);
  }

  override regenerate(request: SessionRequest, callback: StoreCallback): void {
    const { endings } = this.#room;
    const from = request.sessionID;
    const rotated = (error?: unknown): void => {
      const to = request.sessionID;
      const failed = error !== undefined && error !== null;
      if (failed || typeof from !== "string" || typeof to !== "string" || !endings.heard) return callback(error);
      deliver(endings.rotated(from, to), callback);
    };
    // It calls `destroy` before it returns: what the session keeps goes on with the next one, and does not end.
    this.#regenerating = true;
    try {
      super.regenerate(request, rotated);
    } finally {
      this.#regenerating = false;
    }
  }

  override createSession(request: unknown, data: SessionLike): SessionLike {
    const session = super.createSession(request, data);
    const tracked = (data as { [tracking]?: TrackedSession })[tracking];
    if (tracked === undefined) return session;
    tracked.begin(session.cookie);
    this.#tracked.set(session, tracked);
    if (tracked.state === "degraded") Object.defineProperty(session, "degraded", { value: true, configurable: true });
    return session;
  }

  async #end(id: string): Promise<void> {
    await this.#room.destroy(addressOf(id));
    await this.#room.endings.ended(id);
  }

  async #load(id: string): Promise<SessionLike | null> {
    const { counters } = this.#room;
    const address = addressOf(id);
    let result: LoadResult;
    try {
      result = await this.#room.load(address);
    } catch (error) {
      if (this.#policy.onReadError === "error") throw error;
      this.#room.logger.warn(
        { code: "WARN_FLEET_SESSION_DEGRADED", err: error },
        "a session could not be read; the request goes on without it",
      );
      return this.#standIn(id);
    }
    if (result.status === "corrupt") return this.#corrupt(address.selector);
    if (result.status === "missing" || !sameToken(result.record.token, address.token)) {
      counters.add("misses");
      return null;
    }
    const { record, remaining } = result;
    const fields = parseObject(record.payload);
    const attributes = parseObject(record.cookie);
    if (fields === undefined || attributes === undefined) return this.#corrupt(address.selector);
    const tracked = new TrackedSession(id, address, record, attributes, remaining, this.#room.clock.monotonic());
    if (this.#isDue(tracked) && !(await this.#extendLoaded(tracked))) return null;
    fields["cookie"] = cookieOf(attributes, remaining);
    return withTracking(fields as SessionLike, tracked);
  }

  /** Extends a session whose time has come; false when it has ended meanwhile. */
  async #extendLoaded(tracked: TrackedSession): Promise<boolean> {
    const remaining = tracked.remaining(this.#room.clock.monotonic());
    const touching = this.#touch(tracked);
    // So close to its end that the answer could come too late: the request must not begin with a session that is over.
    if (remaining < 2000 || remaining < tracked.snapshot.idle / 20) return (await touching) !== "gone";
    return true;
  }

  #touch(tracked: TrackedSession): Promise<"done" | "gone" | "failed"> {
    tracked.extended(tracked.snapshot.idle, this.#room.clock.monotonic());
    return this.#room.touch(tracked.address);
  }

  /** Writes what the plan says, extends where there is nothing to write and that is due, else calls back at once. */
  #write(
    id: string,
    session: SessionLike,
    makePlan: () => SavePlan,
    replan: () => SavePlan,
    callback: StoreCallback,
  ): void {
    let plan: SavePlan;
    try {
      plan = makePlan();
    } catch (error) {
      process.nextTick(callback, error);
      return;
    }
    if (plan.kind !== "nothing") {
      deliver(this.#save(id, session, plan, replan), callback);
      return;
    }
    const tracked = this.#tracked.get(session);
    if (tracked !== undefined && this.#isDue(tracked)) deliver(this.#touch(tracked).then(noError), callback);
    else callback();
  }

  /** Whether a session that did not change is to be extended now. */
  #isDue(tracked: TrackedSession): boolean {
    return tracked.state === "live" && tracked.isDue(this.#room.touchFraction, this.#room.clock.monotonic());
  }

  #corrupt(selector: string): null {
    this.#room.counters.add("corrupt");
    if (this.#policy.onCorrupt === "error") {
      throw new CorruptDataError(`session ${selector} cannot be read`, {
        help: 'delete its key, or set onCorrupt: "discard"',
      });
    }
    // Kept until it expires: what this version cannot read may be a newer one's.
    this.#room.logger.warn(
      { code: "WARN_FLEET_SESSION_CORRUPT", selector },
      "a stored session cannot be read; it counts as missing",
    );
    return null;
  }

  #standIn(id: string): SessionLike {
    const snapshot = { created: 0, version: 0, idle: this.#policy.idle, cookie: "{}", payload: "{}" };
    const tracked = new TrackedSession(
      id,
      addressOf(id),
      snapshot,
      {},
      this.#policy.idle,
      this.#room.clock.monotonic(),
    );
    tracked.state = "degraded";
    return withTracking({ cookie: { originalMaxAge: null } }, tracked);
  }

  #plan(id: string, session: SessionLike, payload: string): SavePlan {
    const tracked = this.#tracked.get(session);
    if (tracked !== undefined && tracked.id === id) return this.#planUpdate(tracked, session, payload);
    const content = contentOf(payload, session.cookie, this.#policy.idle);
    return { kind: "put", content, absolute: this.#policy.absolute(maxAgeOf(session.cookie)) };
  }

  #planUpdate(tracked: TrackedSession, session: SessionLike, payload: string): SavePlan {
    if (!this.changes(tracked, session, payload)) return { kind: "nothing" };
    if (tracked.state === "gone") return this.#gone();
    if (tracked.state === "degraded") {
      this.#room.logger.warn(
        { code: "WARN_FLEET_SESSION_DEGRADED_WRITE" },
        "a change of a session that could not be read is dropped",
      );
      return { kind: "nothing" };
    }
    const content = tracked.content(payload, session.cookie, this.#policy.idle);
    return { kind: "update", content, base: tracked.snapshot };
  }

  async #save(id: string, session: SessionLike, plan: SavePlan, replan: () => SavePlan): Promise<void> {
    const ended = (outcome: SaveOutcome, carriedOut: SavePlan): void => {
      if (outcome.status === "saved" && carriedOut.kind !== "nothing")
        this.#saved(id, session, carriedOut.content.payload, outcome);
      if (outcome.status === "gone") this.#ended(session);
    };
    let outcome: SaveOutcome;
    try {
      outcome = await this.#room.save(this.#address(id, session), { plan, replan, ended });
    } catch (error) {
      if (this.#policy.onWriteError === "error") throw error;
      this.#room.logger.error(
        { code: "WARN_FLEET_SESSION_NOT_SAVED", err: error },
        "a session could not be saved; its changes are lost",
      );
      return;
    }
    if (outcome.status === "gone") this.#gone();
  }

  #address(id: string, session: SessionLike): SessionAddress {
    const tracked = this.#tracked.get(session);
    return tracked?.id === id ? tracked.address : addressOf(id);
  }

  #saved(id: string, session: SessionLike, sent: string, outcome: Extract<SaveOutcome, { status: "saved" }>): void {
    const now = this.#room.clock.monotonic();
    const { snapshot, merged } = outcome;
    let tracked = this.#tracked.get(session);
    if (tracked === undefined || tracked.id !== id) {
      tracked = new TrackedSession(id, addressOf(id), snapshot, parseObject(snapshot.cookie) ?? {}, snapshot.idle, now);
      this.#tracked.set(session, tracked);
    } else {
      tracked.saved(snapshot, now);
    }
    if (merged) tracked.adopt(session, sent, this.#room.merge);
  }

  #ended(session: SessionLike): void {
    this.#room.counters.add("gone");
    this.#room.logger.info(
      { code: "INFO_FLEET_SESSION_GONE" },
      "a session ended while a request ran; the request's changes are dropped",
    );
    const tracked = this.#tracked.get(session);
    if (tracked !== undefined) tracked.state = "gone";
  }

  #gone(): SavePlan {
    if (this.#policy.onGone === "error") throw new SessionGoneError();
    return { kind: "nothing" };
  }

  readonly #unheard = (error?: unknown): void => {
    if (error === undefined || error === null) return;
    this.#room.logger.error({ code: "WARN_FLEET_SESSION_CALLBACK", err: error }, "a call without a callback failed");
  };
}

function withTracking(data: SessionLike, tracked: TrackedSession): SessionLike {
  return Object.defineProperty(data, tracking, { value: tracked });
}

/** The cookie as express-session reads it; `expires` follows from what the backend says is left, not from a stored date. */
function cookieOf(attributes: Readonly<Record<string, unknown>>, remaining: number): SessionLike["cookie"] {
  return typeof attributes["originalMaxAge"] === "number"
    ? { ...attributes, expires: new Date(Date.now() + remaining) }
    : { ...attributes };
}

/** Calls back outside of the promise, so that what the callback throws is an exception like any other. */
function deliver<T>(result: Promise<T>, callback: (error: unknown, value?: T) => void): void {
  result.then(
    (value) => process.nextTick(callback, null, value),
    (error: unknown) => process.nextTick(callback, error),
  );
}

function noError(): void {}
