import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { slotCount, slotOf } from "../../../src/backend/redis/slot.js";
import { anyCharacter } from "./any-character.js";

// The package that ioredis itself counts with.
const fromIoredis = createRequire(createRequire(import.meta.url).resolve("ioredis"));
const reference = fromIoredis("cluster-key-slot") as (key: string) => number;

test("every key has the slot that the reference gives it", () => {
  const text = fc.string({ unit: anyCharacter, maxLength: 60 });
  // Braces are rare in random text, and they are what matters.
  const braces = fc.string({ unit: fc.constantFrom("{", "}", "a", "é", "€", "𝄞"), maxLength: 12 });
  fc.assert(
    fc.property(
      fc.oneof(
        text,
        braces,
        fc.tuple(braces, text, braces).map((parts) => parts.join("")),
      ),
      (key) => {
        // With an empty tag the reference departs from the servers; see below.
        fc.pre(!/^[^{]*\{\}/.test(key));
        return slotOf(key) === reference(key);
      },
    ),
    { numRuns: 2_000 },
  );
});

test.each([
  ["foo{}{bar}", 8363],
  ["{}", 15257],
  ["{}}", 14790],
  ["{}}{a}", 16105],
  ["a{}b", 13694],
])("a key with an empty tag, %s, is hashed whole, as a server's CLUSTER KEYSLOT says", (key, slot) => {
  expect(slotOf(key)).toBe(slot);
});

test.each([
  ["123456789", 12739],
  ["foo", 12182],
  ["{user1000}.following", slotOf("user1000")],
  ["foo{{bar}}zap", slotOf("{bar")],
  ["foo{bar}{zap}", slotOf("bar")],
])("the specification's example %s has slot %i", (key, slot) => {
  expect(slotOf(key)).toBe(slot);
  expect(reference(key)).toBe(slot);
});

test("a slot is within the cluster", () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), (key) => {
      const slot = slotOf(key);
      return Number.isInteger(slot) && slot >= 0 && slot < slotCount;
    }),
  );
});
