import type { MemoryBackend } from "../backend/backend.js";
import { StorageFullError } from "../core/errors.js";
import { appendToMemoryLog } from "../feed/memory-log-store.js";
import { registryLog } from "./registry-names.js";
import type { Reservation, ReservationChange, ReservationEnd, ReservationOperation } from "./reservation-store.js";

/** A reservation as the embedded backend holds it. */
export interface HeldReservation extends Omit<Reservation, "until"> {
  /** When its cap ends it, 0 for never. */
  readonly cap: number;
}

interface StoredReservation {
  readonly held: HeldReservation;
  /** What it takes of the budget. */
  readonly bytes: number;
}

interface RememberedEnd {
  readonly item: string;
  readonly end: ReservationEnd;
  readonly until: number;
}

const endsKept = 600_000;
// No resend is older.
const answersKept = 10_000;
// About what the maps' slots, the objects and the headers of their strings take in V8.
const overhead = 800;

/** One registry of the embedded backend; what has ended is no longer `living`, and stays until it is reaped. */
export class MemoryRegistry {
  readonly #backend: MemoryBackend;
  readonly #name: string;
  readonly #stored = new Map<string, StoredReservation>();
  readonly #leases = new Map<string, number>();
  readonly #ends = new Map<number, RememberedEnd>();
  readonly #answers = new Map<ReservationOperation, { readonly answer: unknown; readonly until: number }>();
  #lastToken = 0;

  constructor(backend: MemoryBackend, name: string) {
    this.#backend = backend;
    this.#name = name;
  }

  /** Runs a change, or gives the answer that the same operation had before. */
  once<T>(operation: ReservationOperation, change: () => T): T {
    const known = this.#answers.get(operation);
    if (known !== undefined) return known.answer as T;
    const answer = change();
    this.#answers.set(operation, { answer, until: this.#backend.time() + answersKept });
    return answer;
  }

  /** Zero for a session that has no lease. */
  leaseOf(session: string): number {
    return this.#leases.get(session) ?? 0;
  }

  /** Extends a lease; what one kept that has run out is ended, so that it does not come back to life. */
  beat(session: string, lease: number): number {
    const now = this.#backend.time();
    if (this.leaseOf(session) <= now) this.#expireWhere((held) => held.session === session, Infinity);
    const until = Math.max(this.leaseOf(session), now + lease);
    this.#leases.set(session, until);
    return until;
  }

  endLease(session: string): void {
    this.#leases.delete(session);
  }

  living(item: string): Reservation | undefined {
    const stored = this.#stored.get(item);
    const reservation = stored && this.describe(stored.held);
    return reservation !== undefined && reservation.until > this.#backend.time() ? reservation : undefined;
  }

  /** What lives, in the order of the items' bytes. */
  allLiving(): readonly Reservation[] {
    const items = [...this.#stored.keys()].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    return items.flatMap((item) => this.living(item) ?? []);
  }

  /** How the reservation of a token ended, if it was one of that item. */
  endOf(item: string, token: number): ReservationEnd | undefined {
    const held = this.#stored.get(item)?.held;
    if (held?.token === token && this.living(item) === undefined) return { token, how: "expired" };
    const known = this.#ends.get(token);
    return known?.item === item ? known.end : undefined;
  }

  /** Throws `StorageFullError`, with nothing changed, when so many more reservations have no room. */
  claim(texts: string, items: readonly string[]): readonly number[] {
    const bytes = items.map((item) => overhead + 4 * item.length + 2 * texts.length);
    const total = bytes.reduce((sum, each) => sum + each, 0);
    if (this.#backend.budget.claim(total)) return bytes;
    throw new StorageFullError("the embedded backend has no room for another reservation", {
      help: "raise the backend's memory limit, or use a Redis backend",
    });
  }

  nextToken(): number {
    // One row for a registry, as the scripts have it; the embedded clock tells milliseconds.
    this.#lastToken = Math.max(this.#lastToken + 1, this.#backend.time() * 1000);
    return this.#lastToken;
  }

  put(held: HeldReservation, bytes: number): Reservation {
    this.#stored.set(held.item, { held, bytes });
    return this.describe(held);
  }

  /** Gives a reservation to another session. */
  hand(item: string, session: string): Reservation | undefined {
    const stored = this.#stored.get(item);
    return stored && this.put({ ...stored.held, session }, stored.bytes);
  }

  /** Removes a reservation, and remembers for a while how it ended. */
  drop(item: string, how: Omit<ReservationEnd, "token">): void {
    const stored = this.#stored.get(item);
    if (stored === undefined) return;
    const { token } = stored.held;
    this.#stored.delete(item);
    this.#backend.budget.release(stored.bytes);
    this.#ends.set(token, { item, end: { token, ...how }, until: this.#backend.time() + endsKept });
  }

  /** Appends to the registry's log. */
  tell(change: Omit<ReservationChange, "item">, source: ReservationOperation): void {
    const { kind, reservation, ...rest } = change;
    const payload = JSON.stringify({ kind, item: reservation.item, reservation, ...rest });
    const operation = `${source}.${reservation.token}`;
    const origin = this.#backend.instanceId;
    appendToMemoryLog(this.#backend, registryLog(this.#backend.keys, this.#name), { origin, operation, payload });
  }

  /** Ends what no longer lives, and forgets what was kept for a while; how many reservations ended. */
  reap(limit: number): number {
    const now = this.#backend.time();
    const expired = this.#expireWhere(() => true, limit);
    for (const [operation, { until }] of this.#answers) if (until <= now) this.#answers.delete(operation);
    for (const [token, { until }] of this.#ends) if (until <= now) this.#ends.delete(token);
    if (expired < limit) for (const [session, until] of this.#leases) if (until <= now) this.endLease(session);
    return expired;
  }

  /** Ends a reservation of an item that no longer lives. */
  expire(item: string): void {
    const held = this.#stored.get(item)?.held;
    if (held === undefined || this.living(item) !== undefined) return;
    const reservation = this.describe(held);
    this.drop(item, { how: "expired" });
    this.tell({ kind: "expired", reservation }, "expired");
  }

  describe({ cap, ...held }: HeldReservation): Reservation {
    const lease = this.leaseOf(held.session);
    return { ...held, until: cap === 0 ? lease : Math.min(cap, lease) };
  }

  #expireWhere(matches: (held: HeldReservation) => boolean, limit: number): number {
    let expired = 0;
    for (const [item, { held }] of this.#stored) {
      if (expired >= limit) break;
      if (this.living(item) !== undefined || !matches(held)) continue;
      this.expire(item);
      expired += 1;
    }
    return expired;
  }
}
