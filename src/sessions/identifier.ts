import { hash, randomFillSync, timingSafeEqual } from "node:crypto";
import type { KeySpace } from "../backend/keys.js";

const selectorBytes = 16;
const secretBytes = 18;
const idBytes = selectorBytes + secretBytes;
const selectorLength = 22;
const ownForm = /^[A-Za-z0-9_-]{46}$/;
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Where a session is kept, and what proves that a caller holds its identifier. */
export interface SessionAddress {
  /** Names the session in keys and logs; no cookie can be made from it. */
  readonly selector: string;
  /** Base64url of the SHA-256 of the whole identifier. */
  readonly token: string;
}

// One call of the random source for many ids: asking for 34 bytes costs as much as asking for all of these.
const pool = Buffer.alloc(idBytes * 64);
let poolUsed = pool.length;

/** A fresh identifier of 272 random bits: 22 characters that select the session and 24 that only its owner knows. */
export function generateId(): string {
  if (poolUsed === pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  const secretAt = poolUsed + selectorBytes;
  const end = poolUsed + idBytes;
  const id = pool.toString("base64url", poolUsed, secretAt) + pool.toString("base64url", secretAt, end);
  pool.fill(0, poolUsed, end);
  poolUsed = end;
  return id;
}

/** The address of any identifier; one that is not of our form (a user's `genid`, another store's) is opaque and hashed. */
export function addressOf(id: string): SessionAddress {
  const selector = ownForm.test(id)
    ? id.slice(0, selectorLength)
    : hash("sha256", `x${id}`, "base64url").slice(0, selectorLength);
  return { selector, token: hash("sha256", id, "base64url") };
}

/** Compares two tokens in a time that tells nothing about where they differ. */
export function sameToken(one: string, other: string): boolean {
  const left = Buffer.from(one, "latin1");
  const right = Buffer.from(other, "latin1");
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The first ten bits of a selector, 0 to 1023: sessions of one bucket share a slot. */
export function bucketOf(selector: string): number {
  return (alphabet.indexOf(selector.charAt(0)) << 4) | (alphabet.indexOf(selector.charAt(1)) >> 2);
}

/** The key under which a session is kept. */
export function sessionKey(keys: KeySpace, selector: string): string {
  return keys.key("sessions", String(bucketOf(selector)), "s", selector);
}
