import type { Counters } from "../core/diagnostics.js";
import { channels, trace } from "../core/diagnostics.js";
import { ClosedError } from "../core/errors.js";
import type { Handler, RequestHandler } from "../http/handler.js";
import { createGuard, type GuardOptions } from "./guard.js";
import { detailsOf, itemsOf, nameOf, ownerOf, reasonOf, tokenOf, type OwnerLike } from "./input.js";
import { Reaper } from "./reaper.js";
import type { RegistryContext } from "./registry-context.js";
import { registryLog, registryRoom } from "./registry-names.js";
import { RegistryLog, type RegistryEvents } from "./registry-log.js";
import type { RegistrySettings } from "./registry-options.js";
import {
  opened,
  type CheckOutcome,
  type ForceReleaseOutcome,
  type QuotaReached,
  type ReleaseOutcome,
  type Reservation,
  type ReserveManyOutcome,
  type ReserveOutcome,
  type StealOutcome,
} from "./reservation.js";
import type * as port from "./reservation-store.js";
import { createReservationRouter, type ReservationRouterOptions } from "./router.js";

/** What the room counts since start. */
export const reservationCounters = [
  "reserved",
  "refreshed",
  "busy",
  "quota",
  "released",
  "stolen",
  "forced",
  "moved",
  "heartbeats",
  "lost",
  "checks",
  "expired",
  "errors",
] as const;

export type ReservationCounter = (typeof reservationCounters)[number];

/** Who wants an item, and what is said of it. */
export interface Claim {
  /** Whose heartbeat keeps it. */
  readonly session: string;
  /** The browser tab or the device, as the application names it. */
  readonly client?: string | undefined;
  /** For whoever finds it taken; up to 500 characters. */
  readonly reason?: string | undefined;
  /** The application's own; up to 1 kB of JSON. */
  readonly details?: unknown;
}

/** Who reserves, and how. */
export interface ReserveOptions extends Claim {
  readonly owner: OwnerLike;
}

/** Who steals, and from whom. */
export interface StealOptions extends Claim {
  readonly by: OwnerLike;
  /** The token of the reservation that is to be taken; another one is left alone. */
  readonly expected?: number | undefined;
}

/** Whose reservations are meant. */
export type Whose = { readonly session: string } | { readonly owner: string };

type Params = Pick<
  port.ReserveParams,
  "registry" | "owner" | "session" | "lease" | "cap" | "instance" | "client" | "reason" | "details" | "operation"
>;

const pageSize = 100;

/**
 * Everything of one kind that can be reserved, on every instance.
 *
 * A reservation lives as long as its session is heard of (`heartbeat`), and no longer than `maxHold`. Refusals are values.
 * Every method rejects with `ReservationInputError` for what cannot be used, and as any call does when the backend does not
 * answer: with `executed: "maybe"` it may have happened, and the same call tells.
 */
export class Registry {
  readonly kind: string;
  readonly #context: RegistryContext;
  readonly #settings: RegistrySettings;
  readonly #store: port.ReservationStore;
  readonly #counters: Counters<ReservationCounter>;
  readonly #log: RegistryLog;
  readonly #reaper: Reaper;
  #closed = false;

  /** Made by `fleet.reservations.define`. */
  constructor(context: RegistryContext, kind: string, settings: RegistrySettings) {
    const { store, clock, logger, counters, backend } = context;
    this.kind = kind;
    this.#context = context;
    this.#settings = settings;
    this.#store = store;
    this.#counters = counters;
    this.#log = new RegistryLog({
      room: registryRoom(kind),
      log: registryLog(backend.keys, kind),
      feed: context.feed,
      onListenerError: (error) => logger.error({ code: "WARN_FLEET_LISTENER", err: error }, "a listener failed"),
      onHeard: () => this.#reaper.used(),
    });
    this.#reaper = new Reaper({
      registry: kind,
      store,
      clock,
      logger,
      inUseFor: settings.lease + 60_000,
      heard: () => this.#log.heard,
      onExpired: (count) => counters.add("expired", count),
    });
  }

  /** Whether anybody listens to its changes here. */
  get heard(): boolean {
    return this.#log.heard;
  }

  /** Reserves an item, or refreshes the session's own, whose token is kept; counts as a heartbeat. */
  reserve(item: string, options: ReserveOptions): Promise<ReserveOutcome | QuotaReached>;
  /** The same for up to 100 items in one step: with `mode: "all"` (default) all or none, with `"each"` those that are free. */
  reserve(
    items: readonly string[],
    options: ReserveOptions & { readonly mode?: "all" | "each" | undefined },
  ): Promise<ReserveManyOutcome>;
  async reserve(
    wanted: string | readonly string[],
    options: ReserveOptions & { readonly mode?: "all" | "each" | undefined },
  ): Promise<ReserveOutcome | ReserveManyOutcome> {
    const isOne = typeof wanted === "string";
    const { quota, sameOwner } = this.#settings;
    const params: port.ReserveParams = {
      ...this.#claim(options, options.owner),
      items: itemsOf(isOne ? [wanted] : wanted),
      mode: isOne || options.mode === "each" ? "each" : "all",
      sameOwner,
      quota,
    };
    const result = await this.#call("reserve", () => this.#store.reserve(params));
    if (result.status === "quota") {
      this.#counters.add("quota");
      return { ...result, quota };
    }
    if (result.status === "busy") {
      this.#counters.add("busy", result.holders.length);
      return { status: "busy", holders: result.holders.map(opened) };
    }
    const outcomes = result.outcomes.map(openedOutcome);
    for (const { status } of outcomes) this.#counters.add(status);
    return isOne ? (outcomes[0] as ReserveOutcome) : { status: "done", outcomes };
  }

  /** Ends a session's own reservation; with a token only the one that has it. A second time it is `free`. */
  async release(
    item: string,
    { session, token }: { readonly session: string; readonly token?: number | undefined },
  ): Promise<ReleaseOutcome> {
    const [outcome] = await this.releaseEach([{ item, token }], session);
    return outcome as ReleaseOutcome;
  }

  /** The same for up to 100 items in one step. */
  async releaseEach(
    items: readonly { readonly item: string; readonly token?: number | undefined }[],
    session: string,
  ): Promise<readonly ReleaseOutcome[]> {
    const tokens = new Map(items.map(({ item, token }) => [item, tokenOf(token)]));
    const params = {
      registry: this.kind,
      items: itemsOf([...tokens.keys()]).map((item) => ({ item, token: tokens.get(item) })),
      session: nameOf(session, "the session"),
      operation: this.#context.operation(),
    };
    const outcomes = await this.#call("release", () => this.#store.release(params));
    this.#counters.add("released", outcomes.filter(({ status }) => status === "released").length);
    return outcomes.map((outcome) =>
      outcome.status === "other" ? { ...outcome, holder: opened(outcome.holder) } : outcome,
    );
  }

  /** Ends all reservations of a session, or of an owner in whatever session; resolves with their items. */
  async releaseAll(of: Whose): Promise<readonly string[]> {
    const params = { registry: this.kind, of: whose(of), operation: this.#context.operation() };
    const { released } = await this.#call("release-all", () => this.#store.releaseAll(params));
    this.#counters.add("released", released.length);
    return released;
  }

  /**
   * Says that a session is alive, which keeps everything that it has reserved here: one command, however much that is.
   * `gone`: it was silent for too long, or has reserved nothing; `reserve` begins anew.
   */
  async heartbeat(
    session: string,
  ): Promise<{ readonly status: "held"; readonly until: number } | { readonly status: "gone" }> {
    const params = { registry: this.kind, session: nameOf(session, "the session"), lease: this.#settings.lease };
    const result = await this.#call("heartbeat", () => this.#store.heartbeat(params));
    this.#counters.add(result.status === "held" ? "heartbeats" : "lost");
    return result;
  }

  /** Whether a session has an item at this moment, by the token if one is given: asked of the backend each time. */
  async check(
    item: string,
    { session, token }: { readonly session?: string | undefined; readonly token?: number | undefined },
  ): Promise<CheckOutcome> {
    const params = {
      registry: this.kind,
      item: nameOf(item, "the item"),
      session: session === undefined ? undefined : nameOf(session, "the session"),
      token: tokenOf(token),
    };
    this.#counters.add("checks");
    const result = await this.#call("check", () => this.#store.check(params));
    if (result.status === "held") return { status: "held", reservation: opened(result.reservation) };
    return result.status === "other" ? { ...result, holder: opened(result.holder) } : result;
  }

  /** Who has an item now; undefined for nobody. */
  async get(item: string): Promise<Reservation | undefined> {
    const [reservation] = await this.getEach([item]);
    return reservation;
  }

  /** Those of up to 100 items that are reserved now. */
  async getEach(items: readonly string[]): Promise<readonly Reservation[]> {
    const params = { registry: this.kind, items: itemsOf(items) };
    return (await this.#call("get", () => this.#store.get(params))).map(opened);
  }

  /** Everything that is reserved now, page by page, in the order of the items. */
  async *list(of?: Whose): AsyncGenerator<Reservation, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await this.page({ of, cursor });
      yield* page.reservations;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /** One page of `list`, of up to 100; `next` is the cursor of the next one. */
  async page({
    of,
    cursor,
    count = pageSize,
  }: {
    readonly of?: Whose | undefined;
    readonly cursor?: string | undefined;
    readonly count?: number | undefined;
  } = {}): Promise<{ readonly reservations: readonly Reservation[]; readonly next?: string | undefined }> {
    const params = {
      registry: this.kind,
      of: of === undefined ? undefined : whose(of),
      cursor: cursor === undefined ? undefined : nameOf(cursor, "the cursor"),
      count: Math.min(pageSize, Math.max(1, Math.floor(count))),
    };
    const { reservations, next } = await this.#call("list", () => this.#store.list(params));
    return { reservations: reservations.map(opened), next };
  }

  /** Takes an item from whoever has it, with a higher token: what its former holder still writes is refused. */
  async steal(item: string, { by, expected, ...claim }: StealOptions): Promise<StealOutcome> {
    const params = { ...this.#claim(claim, by), item: nameOf(item, "the item"), expected: tokenOf(expected) };
    const result = await this.#call("steal", () => this.#store.steal(params));
    if (result.status === "free") return result;
    if (result.status === "changed") return { status: "changed", holder: opened(result.holder) };
    this.#counters.add("stolen");
    return { status: "stolen", reservation: opened(result.reservation), previous: opened(result.previous) };
  }

  /** Ends the reservation of whoever has an item, for nobody. */
  async forceRelease(
    item: string,
    options: {
      readonly by: OwnerLike;
      readonly reason?: string | undefined;
      readonly expected?: number | undefined;
    },
  ): Promise<ForceReleaseOutcome> {
    const params = {
      registry: this.kind,
      item: nameOf(item, "the item"),
      by: ownerOf(options.by),
      reason: reasonOf(options.reason),
      expected: tokenOf(options.expected),
      operation: this.#context.operation(),
    };
    const result = await this.#call("force-release", () => this.#store.forceRelease(params));
    if (result.status === "free") return result;
    if (result.status === "changed") return { status: "changed", holder: opened(result.holder) };
    this.#counters.add("forced");
    return { status: "forced", previous: opened(result.previous) };
  }

  /** Gives what a session has reserved to the session that follows it, with the tokens; resolves with how many those were. */
  async moveSession(from: string, to: string): Promise<number> {
    const params = {
      registry: this.kind,
      from: nameOf(from, "the session"),
      to: nameOf(to, "the session"),
      lease: this.#settings.lease,
      operation: this.#context.operation(),
    };
    const { moved } = await this.#call("move-session", () => this.#store.moveSession(params));
    this.#counters.add("moved", moved);
    return moved;
  }

  /**
   * Calls the listener at each change that any instance makes, in order, from when `following()` has resolved; the returned
   * function ends that. `reset` says that changes were missed: whoever keeps a copy lists anew.
   */
  on<E extends keyof RegistryEvents>(event: E, listener: (payload: RegistryEvents[E]) => void): () => void {
    return this.#log.on<E>(event, listener as never);
  }

  /** Resolves when listeners are told of every change from now on; rejects as any call does. */
  async following(): Promise<void> {
    await this.#log.following();
  }

  /** Routes for browsers: reserve, release, heartbeat, list, steal, force-release and a stream of the changes. */
  router(options: ReservationRouterOptions): RequestHandler {
    return createReservationRouter(this, this.#log, this.#context, this.#settings, options);
  }

  /** Lets a request pass only while its session has the item, asked of the backend each time; `req.reservation` tells. */
  require(options: GuardOptions): Handler {
    return createGuard(this, this.#context, options);
  }

  /** Ends its timer and its listeners, and releases nothing: the sessions live on elsewhere. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#log.close();
    await this.#reaper.stop();
  }

  #claim({ session, client, reason, details }: Claim, owner: OwnerLike): Params {
    const { lease, cap } = this.#settings;
    return {
      registry: this.kind,
      owner: ownerOf(owner),
      session: nameOf(session, "the session"),
      lease,
      cap,
      instance: this.#context.instance,
      client: client === undefined ? undefined : nameOf(client, "the client"),
      reason: reasonOf(reason),
      details: detailsOf(details),
      operation: this.#context.operation(),
    };
  }

  async #call<T>(method: string, call: () => Promise<T>): Promise<T> {
    try {
      if (this.#closed) throw new ClosedError();
      this.#reaper.used();
      return await trace(channels.reservationCall, { kind: this.kind, method }, call);
    } catch (error) {
      this.#counters.add("errors");
      throw error;
    }
  }
}

function openedOutcome(outcome: port.ReserveOutcome): ReserveOutcome {
  return outcome.status === "busy"
    ? { ...outcome, holder: opened(outcome.holder) }
    : { status: outcome.status, reservation: opened(outcome.reservation) };
}

function whose(of: Whose): Whose {
  return "session" in of
    ? { session: nameOf(of.session, "the session") }
    : { owner: nameOf(of.owner, "the owner's id") };
}
