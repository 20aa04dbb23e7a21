import { encodeKeyPart } from "../backend/keys.js";
import { CorruptDataError } from "../core/errors.js";
import type { Reservation, ReservationEnd, ReservationOwner, ReserveParams } from "./reservation-store.js";

/** What a reservation says that no script reads. */
export type ReservationTexts = Pick<Reservation, "owner" | "instance" | "client" | "reason" | "details">;

/** JSON of what no script reads of a reservation, the same for all items of a call. */
export function formatTexts(params: Omit<ReserveParams, "items" | "mode" | "sameOwner" | "quota">): string {
  const { owner, instance, client, reason, details } = params;
  return format({ owner: { id: owner.id, name: owner.name }, instance, client, reason, details });
}

/** JSON of who ended a reservation, and why. */
export function formatEnding(by: ReservationOwner, reason: string | undefined): string {
  return format({ by: { id: by.id, name: by.name }, reason });
}

/** By which an owner is found, and told from others: without spaces and NUL, and never longer than 256 bytes. */
export function ownerKey(id: string): string {
  return encodeKeyPart(id);
}

/** Reads JSON that a script made of what is stored; rejects with `CorruptDataError` where somebody else wrote there. */
export function parseStored<T>(text: string, registry: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new CorruptDataError(`the registry ${registry} holds a reservation that cannot be read`, {
      cause,
      help: "look for the item in the hash of the registry that ends in :r, and remove its field",
    });
  }
}

/** Reads how a reservation ended, if it was one of that item; undefined where nothing is remembered. */
export function parseEnd(
  text: string,
  { registry, item, token }: { readonly registry: string; readonly item: string; readonly token: number },
): ReservationEnd | undefined {
  if (text === "") return undefined;
  const { item: ended, ...end } = parseStored<Omit<ReservationEnd, "token"> & { readonly item: string }>(
    text,
    registry,
  );
  return ended === item ? { token, ...end } : undefined;
}

// Half a surrogate pair has no UTF-8, and JSON with one is nothing that Redis' JSON reads.
function format(value: object): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "string" ? Buffer.from(each).toString() : each));
}
