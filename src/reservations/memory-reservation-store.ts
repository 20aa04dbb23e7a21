import type { MemoryBackend } from "../backend/backend.js";
import { MemoryRegistry } from "./memory-registry.js";
import { formatEnding, formatTexts, ownerKey, type ReservationTexts } from "./reservation-record.js";
import type {
  CheckResult,
  ReleaseOutcome,
  Reservation,
  ReservationEnd,
  ReservationOwner,
  ReservationStore,
  ReserveOutcome,
  ReserveResult,
} from "./reservation-store.js";

type Params<Method extends keyof ReservationStore> = Parameters<ReservationStore[Method]>[0];
type Result<Method extends keyof ReservationStore> = ReturnType<ReservationStore[Method]>;
type Granted = Omit<Params<"reserve">, "items" | "mode" | "sameOwner" | "quota">;

/**
 * Reservations in the process' memory.
 *
 * Every method decides and acts in one synchronous step; the promise only carries the answer.
 */
export class MemoryReservationStore implements ReservationStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async reserve(params: Params<"reserve">): Promise<ReserveResult> {
    const registry = this.#open(params.registry);
    return registry.once(params.operation, () => reserve(registry, this.#backend.time(), params));
  }

  async release(params: Params<"release">): Promise<readonly ReleaseOutcome[]> {
    const registry = this.#open(params.registry);
    const { items, session, operation } = params;
    return registry.once(operation, () =>
      items.map(({ item, token }): ReleaseOutcome => {
        const held = registry.living(item);
        if (held === undefined) return { status: "free", item };
        if (held.session !== session || (token !== undefined && held.token !== token))
          return { status: "other", item, holder: held };
        releaseOne(registry, held, operation);
        return { status: "released", item };
      }),
    );
  }

  async releaseAll({ registry: name, of, operation }: Params<"releaseAll">): Result<"releaseAll"> {
    const registry = this.#open(name);
    return registry.once(operation, () => {
      const ended = registry.allLiving().filter((held) => isOf(held, of));
      for (const held of ended) releaseOne(registry, held, operation);
      return { released: ended.map(({ item }) => item) };
    });
  }

  async heartbeat({ registry: name, session, lease }: Params<"heartbeat">): Result<"heartbeat"> {
    const registry = this.#open(name);
    if (registry.leaseOf(session) <= this.#backend.time()) return { status: "gone" };
    return { status: "held", until: registry.beat(session, lease) };
  }

  async check({ registry: name, item, session, token }: Params<"check">): Promise<CheckResult> {
    const registry = this.#open(name);
    const held = registry.living(item);
    const isAsked = (session ?? held?.session) === held?.session && (token ?? held?.token) === held?.token;
    if (held !== undefined && isAsked) return { status: "held", reservation: held };
    const end = token === undefined ? undefined : registry.endOf(item, token);
    const last = end === undefined ? {} : { last: end };
    return held === undefined ? { status: "free", ...last } : { status: "other", holder: held, ...last };
  }

  async get({ registry: name, items }: Params<"get">): Promise<readonly Reservation[]> {
    const registry = this.#open(name);
    return [...new Set(items)].flatMap((item) => registry.living(item) ?? []);
  }

  async list({ registry: name, of, cursor, count }: Params<"list">): Result<"list"> {
    const after = Buffer.from(cursor ?? "");
    const found = this.#open(name)
      .allLiving()
      .filter((held) => (of === undefined || isOf(held, of)) && Buffer.compare(Buffer.from(held.item), after) > 0);
    const reservations = found.slice(0, count);
    const next = found.length > count ? reservations.at(-1)?.item : undefined;
    return next === undefined ? { reservations } : { reservations, next };
  }

  async steal(params: Params<"steal">): Result<"steal"> {
    const registry = this.#open(params.registry);
    const { item, session, lease, expected, operation } = params;
    return registry.once<Awaited<Result<"steal">>>(operation, () => {
      const previous = registry.living(item);
      if (previous === undefined) return { status: "free" };
      if (expected !== undefined && previous.token !== expected) return { status: "changed", holder: previous };
      const [bytes = 0] = registry.claim(formatTexts(params), [item]);
      registry.beat(session, lease);
      const reservation = grant(registry, this.#backend.time(), params, item, bytes, previous);
      return { status: "stolen", reservation, previous };
    });
  }

  async forceRelease(params: Params<"forceRelease">): Result<"forceRelease"> {
    const registry = this.#open(params.registry);
    const { item, expected, operation } = params;
    return registry.once<Awaited<Result<"forceRelease">>>(operation, () => {
      const previous = registry.living(item);
      if (previous === undefined) return { status: "free" };
      if (expected !== undefined && previous.token !== expected) return { status: "changed", holder: previous };
      const ending = endingOf(params.by, params.reason);
      registry.drop(item, { how: "forced", ...ending });
      registry.tell({ kind: "forced", reservation: previous, ...ending }, operation);
      return { status: "forced", previous };
    });
  }

  async moveSession({ registry: name, from, to, lease, operation }: Params<"moveSession">): Result<"moveSession"> {
    const registry = this.#open(name);
    return registry.once(operation, () => {
      if (from === to || registry.leaseOf(from) <= this.#backend.time()) return { moved: 0 };
      registry.beat(to, lease);
      const moved = registry.allLiving().filter((held) => held.session === from);
      for (const { item } of moved) {
        const reservation = registry.hand(item, to);
        if (reservation !== undefined) registry.tell({ kind: "moved", reservation }, operation);
      }
      registry.endLease(from);
      return { moved: moved.length };
    });
  }

  async reap({ registry, limit }: Params<"reap">): Result<"reap"> {
    const expired = this.#open(registry).reap(limit);
    return { expired, more: expired >= limit };
  }

  /** Throws `ClosedError` once the backend is closed. */
  #open(name: string): MemoryRegistry {
    const registries = this.#backend.room("reservations", () => new Map<string, MemoryRegistry>());
    const registry = registries.get(name) ?? new MemoryRegistry(this.#backend, name);
    registries.set(name, registry);
    return registry;
  }
}

function reserve(registry: MemoryRegistry, now: number, params: Params<"reserve">): ReserveResult {
  const { owner, session, mode, sameOwner, quota } = params;
  const wanted = [...new Set(params.items)].map((item) => {
    const held = registry.living(item);
    const isOwn = held?.session === session;
    const isTaken = held !== undefined && !isOwn && !(sameOwner === "take-over" && isOf(held, { owner: owner.id }));
    return { item, held, isOwn, isTaken };
  });
  const holders = wanted.flatMap(({ held, isTaken }) => (held !== undefined && isTaken ? [held] : []));
  if (mode === "all" && holders.length > 0) return { status: "busy", holders };
  const free = wanted.filter(({ held }) => held === undefined).length;
  if (quota > 0 && free > 0) {
    const held = registry.allLiving().filter((each) => isOf(each, { owner: owner.id })).length;
    if (held + free > quota) return { status: "quota", held };
  }
  const granted = wanted.filter(({ isOwn, isTaken }) => !isOwn && !isTaken).map(({ item }) => item);
  const bytes = new Map(registry.claim(formatTexts(params), granted).map((each, at) => [granted[at], each]));
  for (const { item } of wanted) registry.expire(item);
  registry.beat(session, params.lease);
  const outcomes = wanted.map(({ item, held, isOwn, isTaken }): ReserveOutcome => {
    if (held !== undefined && isTaken) return { status: "busy", item, holder: registry.living(item) ?? held };
    if (held !== undefined && isOwn) return { status: "refreshed", reservation: registry.living(item) ?? held };
    return { status: "reserved", reservation: grant(registry, now, params, item, bytes.get(item) ?? 0, held) };
  });
  return { status: "done", outcomes };
}

/** Gives an item to a session whose lease runs, and takes it from whoever had it. */
function grant(
  registry: MemoryRegistry,
  now: number,
  params: Granted,
  item: string,
  bytes: number,
  previous: Reservation | undefined,
): Reservation {
  const { session, cap, operation } = params;
  const texts = JSON.parse(formatTexts(params)) as ReservationTexts;
  const ending = endingOf(params.owner, params.reason);
  if (previous !== undefined) registry.drop(item, { how: "stolen", ...ending });
  const held = { item, session, since: now, token: registry.nextToken(), ...texts, cap: cap > 0 ? now + cap : 0 };
  const reservation = registry.put(held, bytes);
  if (previous === undefined) registry.tell({ kind: "reserved", reservation }, operation);
  else registry.tell({ kind: "stolen", reservation, ...ending, previous }, operation);
  return reservation;
}

function releaseOne(registry: MemoryRegistry, held: Reservation, operation: string): void {
  registry.drop(held.item, { how: "released" });
  registry.tell({ kind: "released", reservation: held }, operation);
}

function endingOf(by: ReservationOwner, reason: string | undefined): Pick<ReservationEnd, "by" | "reason"> {
  return JSON.parse(formatEnding(by, reason)) as Pick<ReservationEnd, "by" | "reason">;
}

function isOf(held: Reservation, of: { readonly session: string } | { readonly owner: string }): boolean {
  return "session" in of ? held.session === of.session : ownerKey(held.owner.id) === ownerKey(of.owner);
}
