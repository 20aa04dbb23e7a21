import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  asSet,
  canonicalText,
  secretId,
  settingsFingerprint,
  type Fact,
} from "../../../src/core/settings-fingerprint.js";

const seed = Number(process.env["TEST_SEED"] ?? 20_261_120);

const { fact } = fc.letrec<{ fact: Fact }>((tie) => ({
  fact: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string(),
    fc.array(tie("fact"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("fact"), { maxKeys: 4 }),
  ),
}));

/** The same data with the fields of every object written in the reverse order, and with fields that are undefined. */
function rewritten(data: Fact): Fact {
  if (Array.isArray(data)) return (data as readonly Fact[]).map(rewritten);
  if (typeof data !== "object" || data === null) return data;
  const fields = Object.entries(data).map(([name, value]) => [name, rewritten(value)] as const);
  return Object.fromEntries([["not there", undefined], ...fields.toReversed()]);
}

/** As a reader of JSON has it: -0 is 0, an object has no undefined fields. */
const plain = (data: Fact): unknown => JSON.parse(JSON.stringify(rewritten(data))) as unknown;

describe("canonicalText", () => {
  it("is one text for the same data, however its fields were ordered", () => {
    expect(canonicalText({ b: [2, { d: true, c: null }], a: "x", e: undefined })).toBe(
      '{"a":"x","b":[2,{"c":null,"d":true}]}',
    );
    fc.assert(
      fc.property(fact, (data) => {
        expect(canonicalText(rewritten(data))).toBe(canonicalText(data));
      }),
      { seed, numRuns: 500 },
    );
  });

  it("is another text for other data: what it says can be read back", () => {
    fc.assert(
      fc.property(fact, (data) => {
        expect(JSON.parse(canonicalText(data))).toEqual(plain(data));
      }),
      { seed, numRuns: 500 },
    );
  });
});

describe("asSet", () => {
  it("is one list for the same members, whatever their order and number", () => {
    expect(asSet(["b", "a", "b"])).toEqual(["a", "b"]);
    expect(asSet([{ y: 1, x: 2 }, "a", { x: 2, y: 1 }])).toEqual(["a", { y: 1, x: 2 }]);
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 6 }), (members) => {
        const other = [...members.toReversed(), ...members].map(rewritten);
        expect(canonicalText(asSet(other))).toBe(canonicalText(asSet(members)));
      }),
      { seed },
    );
  });
});

describe("settingsFingerprint", () => {
  it("is short, the same for the same, and another for another namespace or other data", () => {
    const one = settingsFingerprint("shop", { a: 1, b: 2 });
    expect(one).toMatch(/^[\w-]{16}$/);
    expect(settingsFingerprint("shop", { b: 2, a: 1 })).toBe(one);
    expect(settingsFingerprint("shop", { a: 1, b: 3 })).not.toBe(one);
    expect(settingsFingerprint("shop2", { a: 1, b: 2 })).not.toBe(one);
  });
});

describe("secretId", () => {
  const secret = "0123456789abcdef0123456789abcdef";

  it("tells long secrets apart and keeps them", () => {
    expect(secretId(secret)).toMatch(/^[\w-]{16}$/);
    expect(secretId(secret)).toBe(secretId(secret));
    expect(secretId(`${secret}!`)).not.toBe(secretId(secret));
    // No hash that anybody could look up.
    const plainHash = createHash("sha256").update(secret).digest("base64url");
    expect(plainHash).not.toContain(secretId(secret));
  });

  it("says nothing of short ones, which could be found by trying", () => {
    expect(secretId(secret.slice(1))).toBe("short");
    expect(secretId("")).toBe("short");
    // Bytes count, not characters.
    expect(secretId("ä".repeat(16))).not.toBe("short");
  });
});
