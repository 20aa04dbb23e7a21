import { ReservationInputError } from "./errors.js";
import type { ReservationOwner } from "./reservation-store.js";

/** Who reserves: the user's id, or the id and a name for people. */
export type OwnerLike = string | number | ReservationOwner;

const longestName = 256;
const longestReason = 500;
const longestDetails = 1_024;
const mostItems = 100;

/** The owner in one form; throws `ReservationInputError`. */
export function ownerOf(owner: OwnerLike): ReservationOwner {
  if (typeof owner !== "object" || owner === null) return { id: idOf(owner) };
  const { id, name } = owner;
  return name === undefined ? { id: idOf(id) } : { id: idOf(id), name: nameOf(name, "the owner's name") };
}

/** A name of an item, a session, a client or a person: 1 to 256 bytes without control characters; throws `ReservationInputError`. */
export function nameOf(value: unknown, what: string): string {
  if (typeof value === "string" && value !== "" && Buffer.byteLength(value) <= longestName && isPlain(value))
    return value;
  throw new ReservationInputError(
    `${what} is ${described(value)}`,
    `write a text of 1 to ${longestName} bytes without control characters`,
  );
}

/** The items of one call, each once; throws `ReservationInputError`. */
export function itemsOf(items: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(items) ? items : [items];
  const names = [...new Set(list.map((item) => nameOf(item, "an item")))];
  if (names.length >= 1 && names.length <= mostItems) return names;
  throw new ReservationInputError(`the call names ${names.length} items`, `name 1 to ${mostItems}`);
}

/** A text for people, up to 500 characters; throws `ReservationInputError`. */
export function reasonOf(reason: unknown): string | undefined {
  if (reason === undefined || reason === null) return undefined;
  if (typeof reason === "string" && reason.length <= longestReason && !/\p{Surrogate}/u.test(reason)) return reason;
  throw new ReservationInputError(
    `the reason is ${described(reason)}`,
    `write a text of up to ${longestReason} characters`,
  );
}

/** The application's own data as JSON, up to 1 kB; throws `ReservationInputError`. */
export function detailsOf(details: unknown): string | undefined {
  if (details === undefined || details === null) return undefined;
  const text = jsonOf(details);
  if (text !== undefined && Buffer.byteLength(text) <= longestDetails) return text;
  throw new ReservationInputError(
    text === undefined ? "the details are no JSON" : `the details are ${Buffer.byteLength(text)} bytes`,
    `store up to ${longestDetails} bytes of JSON, and what is larger in a place of your own`,
  );
}

/** A fencing token; throws `ReservationInputError`. */
export function tokenOf(value: unknown): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const token = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (Number.isSafeInteger(token) && (token as number) > 0) return token as number;
  throw new ReservationInputError(`the token is ${described(value)}`, "send the one that `reserve` gave, as it is");
}

function idOf(id: unknown): string {
  return nameOf(typeof id === "number" && Number.isFinite(id) ? String(id) : id, "the owner's id");
}

function isPlain(text: string): boolean {
  return !/[\u0000-\u001f\u007f]|\p{Surrogate}/u.test(text);
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** Without the value itself, which may be long or of a user's own. */
function described(value: unknown): string {
  if (typeof value !== "string") return value === null ? "null" : `of type ${typeof value}`;
  return value === "" ? "empty" : `a text of ${value.length} characters that cannot be used`;
}
