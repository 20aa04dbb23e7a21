import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { KeySpace } from "../../../src/backend/keys.js";
import { addressOf, bucketOf, generateId, sameToken, sessionKey } from "../../../src/sessions/identifier.js";

test("an id has 46 characters of base64url, and no two are alike", () => {
  const ids = Array.from({ length: 1000 }, generateId);
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{46}$/);
});

test("every character of an id varies", () => {
  const ids = Array.from({ length: 2000 }, generateId);
  for (let at = 0; at < 46; at += 1) {
    // The 22nd character carries 2 bits, all others 6.
    expect(new Set(ids.map((id) => id[at])).size).toBe(at === 21 ? 4 : 64);
  }
});

test("the selector of our form is its first 22 characters, the token the hash of all of it", () => {
  const id = "A".repeat(22) + "B".repeat(24);
  const token = createHash("sha256").update(id).digest("base64url");
  expect(addressOf(id)).toEqual({ selector: "A".repeat(22), token });
});

test("any other id is hashed, so that nothing of it is in a key", () => {
  const foreign = fc
    .oneof(fc.string(), fc.string({ unit: "grapheme" }))
    .filter((id) => !/^[A-Za-z0-9_-]{46}$/.test(id));
  fc.assert(
    fc.property(foreign, (id) => {
      const { selector, token } = addressOf(id);
      expect(selector).toBe(createHash("sha256").update(`x${id}`).digest("base64url").slice(0, 22));
      expect(token).toBe(createHash("sha256").update(id).digest("base64url"));
    }),
  );
});

test("the bucket is the first ten bits of the selector, and every bucket is used", () => {
  const seen = new Set<number>();
  for (let n = 0; n < 20_000; n += 1) {
    const { selector } = addressOf(generateId());
    const bits = Buffer.from(selector, "base64url").readUInt16BE(0) >> 6;
    expect(bucketOf(selector)).toBe(bits);
    seen.add(bits);
  }
  expect(seen.size).toBe(1024);
});

test("the key has the bucket as its hash tag", () => {
  const selector = "__".padEnd(22, "A");
  expect(sessionKey(new KeySpace("app"), selector)).toBe(`app:sessions:{1023}:s:${selector}`);
});

test("tokens are compared whole", () => {
  expect(sameToken("abc", "abc")).toBe(true);
  expect(sameToken("abc", "abd")).toBe(false);
  expect(sameToken("abc", "abcd")).toBe(false);
  expect(sameToken("", "")).toBe(true);
});
