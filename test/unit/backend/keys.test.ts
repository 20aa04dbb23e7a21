import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeKeyPart, KeySpace } from "../../../src/backend/keys.js";
import { slotOf } from "../../../src/backend/redis/slot.js";
import { anyCharacter } from "./any-character.js";

const keys = new KeySpace("shop");

/** Any text that JavaScript can hold, halves of surrogate pairs too, often long and often full of what is unsafe. */
const unit = fc.oneof(
  anyCharacter,
  fc.constantFrom(
    "%",
    "{",
    "}",
    "*",
    "?",
    "[",
    "]",
    "\\",
    "^",
    '"',
    " ",
    "\n",
    "\0",
    "\u007f",
    "~",
    "a",
    "é",
    "€",
    "𝄞",
  ),
  fc.constantFrom("\ud800", "\udbff", "\udc00", "\udfff"),
);
const name = fc.oneof(
  fc.string({ unit, minLength: 1, maxLength: 20 }),
  fc.string({ unit, minLength: 50, maxLength: 400 }),
);

describe("a key", () => {
  test("has namespace, room, hash tag, what and part", () => {
    expect(keys.key("sessions", "17", "s", "abc")).toBe("shop:sessions:{17}:s:abc");
    expect(keys.key("locks", "invoice", "lock")).toBe("shop:locks:{invoice}:lock");
  });

  test("has the slot of its tag alone, whatever tag and part are", () => {
    fc.assert(
      fc.property(name, name, name, (tag, one, other) => {
        const slots = [one, other].map((part) => slotOf(keys.key("room", tag, "what", part)));
        const encoded = encodeKeyPart(tag);
        expect(slots).toEqual([slotOf(encoded), slotOf(encoded)]);
        expect(encoded).not.toMatch(/[{}]/);
      }),
    );
  });

  test("begins with what its ACL pattern allows", () => {
    expect(keys.aclPatterns).toEqual(["~shop:*", "&shop:*"]);
    fc.assert(fc.property(name, name, (tag, part) => keys.key("room", tag, "what", part).startsWith("shop:room:{")));
  });
});

describe("a channel", () => {
  test("is one per room for hints and one per instance for mail", () => {
    expect(keys.hintChannel("sessions")).toBe("shop:hint:sessions");
    expect(keys.mailChannel("host 1*")).toBe("shop:mail:host%201%2A");
  });
});

describe("the encoding of a part", () => {
  test("leaves ordinary names as they are, in any alphabet", () => {
    for (const text of ["a-b_c.d", "user@example.org", "über", "注文", "a/b+c="])
      expect(encodeKeyPart(text)).toBe(text);
  });

  test.each([
    ["50%", "50%25"],
    ["{a}", "%7Ba%7D"],
    ["*?[]\\^", "%2A%3F%5B%5D%5C%5E"],
    ['say "hi"', "say%20%22hi%22"],
    ["a\r\nb\0\u007f", "a%0D%0Ab%00%7F"],
    ["\u2003", "%E2%80%83"],
  ])("writes %j as %s", (text, encoded) => {
    expect(encodeKeyPart(text)).toBe(encoded);
  });

  test("refuses the empty name, of which a hash tag cannot be made", () => {
    expect(() => encodeKeyPart("")).toThrow(TypeError);
    expect(() => keys.key("room", "", "what")).toThrow("empty");
    expect(() => keys.key("room", "tag", "what", "")).toThrow("empty");
  });

  test("keeps 256 bytes and shortens one more, counted in bytes and after encoding", () => {
    expect(encodeKeyPart("a".repeat(256))).toBe("a".repeat(256));
    const hash = createHash("sha256").update("a".repeat(257)).digest("hex");
    expect(encodeKeyPart("a".repeat(257))).toBe(`${"a".repeat(64)}~${hash}`);
    expect(encodeKeyPart("€".repeat(85))).toBe("€".repeat(85));
    expect(encodeKeyPart("€".repeat(86))).toMatch(/^€{21}~[0-9a-f]{64}$/);
    expect(encodeKeyPart(" ".repeat(86))).toMatch(/^(%20){21}~[0-9a-f]{64}$/);
  });

  test("never exceeds 256 bytes, nor holds what a glob, a hash tag or a terminal would misread", () => {
    fc.assert(
      fc.property(name, (text) => {
        const encoded = encodeKeyPart(text);
        expect(Buffer.byteLength(encoded)).toBeLessThanOrEqual(256);
        expect(encoded).not.toMatch(/[{}*?[\]\\^"\s\u0000-\u001f\u007f]|%(?![0-9A-F]{2})/);
        expect(Buffer.from(encoded).toString()).toBe(encoded);
      }),
      { numRuns: 1_000 },
    );
  });

  test("gives different names different keys", () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        if (one === other) return;
        expect(Buffer.from(encodeKeyPart(one)).equals(Buffer.from(encodeKeyPart(other)))).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    ["a name that is written as another one's encoding", "a b", "a%20b"],
    ["a name that is written as a long one's hash", "x".repeat(300), encodeKeyPart("x".repeat(300))],
    ["halves of surrogate pairs", "\ud800", "\ud801"],
    ["long names with halves of surrogate pairs", `${"x".repeat(300)}\ud800`, `${"x".repeat(300)}\ud801`],
    ["a half of a surrogate pair and the character that stands for it", "\ud800", "\ufffd"],
  ])("tells apart %s", (_what, one, other) => {
    const [first, second] = [encodeKeyPart(one), encodeKeyPart(other)].map((text) => Buffer.from(text).toString("hex"));
    expect(first).not.toBe(second);
  });
});

describe("the namespace", () => {
  test.each(["a", "app", "team/app", "a.b_c-D9", "x".repeat(64)])("may be %s", (namespace) => {
    expect(new KeySpace(namespace).key("r", "t", "w")).toBe(`${namespace}:r:{t}:w`);
  });

  test.each(["", "x".repeat(65), "a:b", "a b", "{a}", "a*", "ä", "a\n"])("is refused when it is %j", (namespace) => {
    expect(() => new KeySpace(namespace)).toThrow(/must be 1 to 64 of/);
  });
});
