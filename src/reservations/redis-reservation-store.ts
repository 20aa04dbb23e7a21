import type { RedisBackend } from "../backend/backend.js";
import { UnavailableError } from "../core/errors.js";
import {
  check,
  forceRelease,
  get,
  heartbeat,
  list,
  moveSession,
  reap,
  release,
  releaseAll,
  reserve,
  steal,
} from "./lua/scripts.generated.js";
import { registryLog } from "./registry-names.js";
import { RegistryOpener } from "./registry-opener.js";
import { formatEnding, formatTexts, ownerKey, parseEnd, parseStored } from "./reservation-record.js";
import type {
  CheckResult,
  ReleaseOutcome,
  Reservation,
  ReservationOperation,
  ReservationStore,
  ReserveOutcome,
  ReserveResult,
} from "./reservation-store.js";

type Params<Method extends keyof ReservationStore> = Parameters<ReservationStore[Method]>[0];
type Result<Method extends keyof ReservationStore> = ReturnType<ReservationStore[Method]>;
type WireOutcome = readonly [status: ReserveOutcome["status"], reservation: Reservation];
type WireRelease =
  | readonly [status: "released" | "free", item: string]
  | readonly [status: "other", holder: Reservation];

interface RegistryKeys {
  readonly records: string;
  readonly due: string;
  readonly index: string;
  readonly log: string;
}

const separator = "\0";
// What a call reaps of what stands in its way; the rest is met by its next attempt.
const reapedAtOnce = 1000;
const attempts = 100;

/** Reservations on Redis: four keys for each registry, in one slot; the server's time decides. */
export class RedisReservationStore implements ReservationStore {
  readonly #backend: RedisBackend;
  readonly #opener: RegistryOpener;

  constructor(backend: RedisBackend) {
    this.#backend = backend;
    this.#opener = new RegistryOpener(backend);
  }

  async reserve(params: Params<"reserve">): Promise<ReserveResult> {
    const { registry, items, mode, sameOwner, quota } = params;
    const args = {
      items: [...new Set(items)].join(separator),
      all: mode === "all" ? 1 : 0,
      takeOver: sameOwner === "take-over" ? 1 : 0,
      quota,
      ...this.#granted(params),
    };
    const keys = await this.#open(registry);
    const [status, text] = await this.#unlessLapsed(registry, () => this.#backend.run(reserve, { keys, args }));
    if (status === "QUOTA") return { status: "quota", held: Number(text) };
    if (status === "BUSY") return { status: "busy", holders: parseStored<readonly Reservation[]>(text, registry) };
    return { status: "done", outcomes: parseStored<readonly WireOutcome[]>(text, registry).map(readOutcome) };
  }

  async release(params: Params<"release">): Promise<readonly ReleaseOutcome[]> {
    const { registry, items, session, operation } = params;
    const listed = items.map(({ item, token = 0 }) => `${item}${separator}${token}${separator}`).join("");
    const args = { items: listed, session, ...this.#told(registry), operation };
    const [, text] = await this.#backend.run(release, { keys: await this.#open(registry), args });
    return parseStored<readonly WireRelease[]>(text, registry).map(readRelease);
  }

  async releaseAll({ registry, of, operation }: Params<"releaseAll">): Result<"releaseAll"> {
    const whose = "session" in of ? { kind: "s", id: of.session } : { kind: "o", id: ownerKey(of.owner) };
    const args = { ...whose, ...this.#told(registry), operation };
    const [, text] = await this.#backend.run(releaseAll, { keys: await this.#open(registry), args });
    return { released: parseStored<readonly string[]>(text, registry) };
  }

  async heartbeat({ registry, session, lease }: Params<"heartbeat">): Result<"heartbeat"> {
    const { due } = this.#keys(registry);
    const reply = await this.#backend.run(heartbeat, { keys: { due }, args: { session, lease } });
    return reply[0] === "HELD" ? { status: "held", until: reply[1] } : { status: "gone" };
  }

  async check({ registry, item, session = "", token = 0 }: Params<"check">): Promise<CheckResult> {
    const { records, due } = await this.#open(registry);
    const reply = await this.#backend.run(check, { keys: { records, due }, args: { item, session, token } });
    const [status, text, ended] = reply;
    if (status === "HELD") return { status: "held", reservation: parseStored<Reservation>(text, registry) };
    const end = parseEnd(ended, { registry, item, token });
    const last = end === undefined ? {} : { last: end };
    if (status === "FREE") return { status: "free", ...last };
    return { status: "other", holder: parseStored<Reservation>(text, registry), ...last };
  }

  async get({ registry, items }: Params<"get">): Promise<readonly Reservation[]> {
    const { records, due } = await this.#open(registry);
    const args = { items: [...new Set(items)].join(separator) };
    const [, text] = await this.#backend.run(get, { keys: { records, due }, args });
    return parseStored<readonly Reservation[]>(text, registry);
  }

  async list({ registry, of, cursor = "", count }: Params<"list">): Result<"list"> {
    const { records, due, index } = await this.#open(registry);
    const args = { prefix: prefixOf(of), after: cursor, count };
    const [, text, next] = await this.#backend.run(list, { keys: { records, due, index }, args });
    const reservations = parseStored<readonly Reservation[]>(text, registry);
    return next === "" ? { reservations } : { reservations, next };
  }

  async steal(params: Params<"steal">): Result<"steal"> {
    const { registry, item, expected = 0 } = params;
    const keys = await this.#open(registry);
    const args = { item, expected, ...this.#granted(params) };
    const [status, text] = await this.#unlessLapsed(registry, () => this.#backend.run(steal, { keys, args }));
    if (status === "FREE") return { status: "free" };
    if (status === "CHANGED") return { status: "changed", holder: parseStored<Reservation>(text, registry) };
    const [reservation, previous] = parseStored<readonly [Reservation, Reservation]>(text, registry);
    return { status: "stolen", reservation, previous };
  }

  async forceRelease(params: Params<"forceRelease">): Result<"forceRelease"> {
    const { registry, item, expected = 0, operation } = params;
    const by = `,${formatEnding(params.by, params.reason).slice(1, -1)}`;
    const args = { item, expected, by, ...this.#told(registry), operation };
    const [status, text] = await this.#backend.run(forceRelease, { keys: await this.#open(registry), args });
    if (status === "FREE") return { status: "free" };
    if (status === "CHANGED") return { status: "changed", holder: parseStored<Reservation>(text, registry) };
    return { status: "forced", previous: parseStored<Reservation>(text, registry) };
  }

  async moveSession({ registry, from, to, lease, operation }: Params<"moveSession">): Result<"moveSession"> {
    const args = { from, session: to, lease, ...this.#told(registry), operation };
    const keys = await this.#open(registry);
    const [, text] = await this.#unlessLapsed(registry, () => this.#backend.run(moveSession, { keys, args }));
    return { moved: Number(text) };
  }

  async reap({ registry, limit }: Params<"reap">): Result<"reap"> {
    return this.#reap(registry, "", limit);
  }

  async #reap(registry: string, members: string, limit: number): Result<"reap"> {
    const args = { members, limit, ...this.#told(registry) };
    const [, expired, more] = await this.#backend.run(reap, { keys: await this.#open(registry), args });
    return { expired, more: more === 1 };
  }

  /** Repeats a call for as long as what it meets has ended, and has to be told to have ended first. */
  async #unlessLapsed<Reply extends readonly [status: string, text: string]>(
    registry: string,
    call: () => Promise<Reply | readonly ["LAPSED", string]>,
  ): Promise<Exclude<Reply, readonly ["LAPSED", string]>> {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const reply = await call();
      if (reply[0] !== "LAPSED") return reply as Exclude<Reply, readonly ["LAPSED", string]>;
      await this.#reap(registry, reply[1], reapedAtOnce);
    }
    throw new UnavailableError(`too many reservations of the registry ${registry} end at this moment`);
  }

  async #open(registry: string): Promise<RegistryKeys> {
    const keys = this.#keys(registry);
    await this.#opener.open(registry, keys);
    return keys;
  }

  #keys(registry: string): RegistryKeys {
    const key = (what: string): string => this.#backend.keys.key("reservations", registry, what);
    return { records: key("r"), due: key("x"), index: key("ix"), log: registryLog(this.#backend.keys, registry).key };
  }

  #told(registry: string): { readonly channel: string; readonly origin: string } {
    return { channel: registryLog(this.#backend.keys, registry).channel, origin: this.#backend.instanceId };
  }

  /** What both scripts that grant are given. */
  #granted(params: Params<"reserve"> | Params<"steal">): GrantArguments {
    const { registry, owner, session, lease, cap, reason, operation } = params;
    const rest = formatTexts(params).slice(1);
    const by = `,${formatEnding(owner, reason).slice(1, -1)}`;
    return { owner: ownerKey(owner.id), session, rest, by, lease, cap, ...this.#told(registry), operation };
  }
}

interface GrantArguments {
  readonly owner: string;
  readonly session: string;
  readonly rest: string;
  readonly by: string;
  readonly lease: number;
  readonly cap: number;
  readonly channel: string;
  readonly origin: string;
  readonly operation: ReservationOperation;
}

function prefixOf(of: Params<"list">["of"]): string {
  if (of === undefined) return `i${separator}`;
  return "session" in of ? `s${separator}${of.session}${separator}` : `o${separator}${ownerKey(of.owner)}${separator}`;
}

function readOutcome([status, reservation]: WireOutcome): ReserveOutcome {
  return status === "busy" ? { status, item: reservation.item, holder: reservation } : { status, reservation };
}

function readRelease(outcome: WireRelease): ReleaseOutcome {
  if (outcome[0] !== "other") return { status: outcome[0], item: outcome[1] };
  return { status: "other", item: outcome[1].item, holder: outcome[1] };
}
