import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type {
  Reservation,
  ReservationChange,
  ReservationOwner,
  ReservationStore,
  ReserveParams,
} from "../reservations/reservation-store.js";

/** What a case gets: a store, a registry that nobody has used, the store's clock, and what was told in the registry's log. */
export interface ReservationStoreSetting {
  readonly store: ReservationStore;
  readonly registry: string;
  /** Resolves when so many milliseconds have passed on the clock that decides expiry. */
  readonly elapse: (milliseconds: number) => Promise<void>;
  /** The operations and the payloads of the registry's log, in order, without marks. */
  readonly told: () => Promise<readonly { readonly operation: string; readonly payload: string }[]>;
}

/** One case of the suite. */
export interface ReservationStoreCase {
  /** Begins with the port's method that it is about. */
  readonly name: string;
  /** It counts what one delivery of a call does that may do more when it comes again. */
  readonly counts?: boolean;
  readonly run: (setting: ReservationStoreSetting) => Promise<void>;
}

/** Milliseconds: one that no case outlives, and one that a case lets pass. */
export const long: number = 60_000;
export const brief: number = 50;

export const ann: ReservationOwner = { id: "ann", name: 'Ann "A" Ö|🦊' };
export const bob: ReservationOwner = { id: "bob" };

/** An operation that nobody has used. */
export function newOperation(): string {
  return randomBytes(8).toString("base64url");
}

/** The parameters of a `reserve` of Ann's first session, with what a case says in their place. */
export function wish(setting: ReservationStoreSetting, changes: Partial<ReserveParams> = {}): ReserveParams {
  return {
    registry: setting.registry,
    items: ["one"],
    owner: ann,
    session: "ann-1",
    lease: long,
    cap: 0,
    instance: "instance-1",
    mode: "all",
    sameOwner: "refuse",
    quota: 0,
    operation: newOperation(),
    ...changes,
  };
}

/** Reserves items that are free, and gives the reservations in the order of the items. */
export async function reserve(
  setting: ReservationStoreSetting,
  changes: Partial<ReserveParams> = {},
): Promise<readonly Reservation[]> {
  const result = await setting.store.reserve(wish(setting, changes));
  assert.ok(result.status === "done", result.status);
  return result.outcomes.map((outcome) => {
    assert.ok(outcome.status === "reserved", outcome.status);
    return outcome.reservation;
  });
}

/** As `reserve`, of one item. */
export async function reserveOne(
  setting: ReservationStoreSetting,
  item: string,
  changes: Partial<ReserveParams> = {},
): Promise<Reservation> {
  const [reservation] = await reserve(setting, { ...changes, items: [item] });
  assert.ok(reservation !== undefined);
  return reservation;
}

/** The parameters of a `steal` of Bob's first session, with what a case says in their place. */
export function theft(
  setting: ReservationStoreSetting,
  item: string,
  changes: Partial<Parameters<ReservationStore["steal"]>[0]> = {},
): Parameters<ReservationStore["steal"]>[0] {
  const { items: _, mode: __, sameOwner: ___, quota: ____, ...params } = wish(setting);
  return { ...params, owner: bob, session: "bob-1", item, ...changes };
}

/** All that is reserved, in the order of the items. */
export async function all({ store, registry }: ReservationStoreSetting): Promise<readonly Reservation[]> {
  return (await store.list({ registry, count: 1000 })).reservations;
}

/** What was told in the registry's log; fails unless each entry has an operation of its own. */
export async function changes({ told }: ReservationStoreSetting): Promise<readonly ReservationChange[]> {
  const entries = await told();
  const operations = entries.map(({ operation }) => operation);
  assert.equal(new Set(operations).size, operations.length, operations.join(" "));
  for (const operation of operations) assert.match(operation, /^[!-~]+$/);
  return entries.map(({ payload }) => JSON.parse(payload) as ReservationChange);
}

/** The kind and the item of each change. */
export async function kinds(setting: ReservationStoreSetting): Promise<readonly string[]> {
  return (await changes(setting)).map(({ kind, item }) => `${kind} ${item}`);
}

/** Reservations as if they ended at the same time, which a heartbeat moves. */
export function withoutUntil(reservations: readonly Reservation[]): readonly Reservation[] {
  return reservations.map((reservation) => ({ ...reservation, until: 0 }));
}
