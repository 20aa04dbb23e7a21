import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMerge, type SessionFields } from "../../../src/sessions/merge.js";

const byField = createMerge();

function merged(
  merge: ReturnType<typeof createMerge>,
  base: SessionFields,
  mine: SessionFields,
  theirs: SessionFields,
): SessionFields {
  const result = merge(base, mine, theirs);
  if (result.status !== "merged") throw new Error(`rejected for ${result.field}`);
  return result.fields;
}

const json = fc.jsonValue({ maxDepth: 2 });
const fields = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e", "f"), json);

describe("by field", () => {
  test("what I changed, added or deleted is mine, the rest is theirs", () => {
    const base = { kept: 1, changed: 1, deleted: 1, theirs: 1, gone: 1, both: 1 };
    const mine = { kept: 1, changed: 2, theirs: 1, gone: 1, added: 1, both: "mine" };
    const theirs = { kept: 1, changed: 1, deleted: 1, theirs: 3, foreign: 1, both: "theirs" };
    expect(merged(byField, base, mine, theirs)).toEqual({
      kept: 1,
      changed: 2,
      theirs: 3,
      added: 1,
      foreign: 1,
      both: "mine",
    });
  });

  test("a nested object is one field", () => {
    const result = merged(byField, { cart: { x: 1 } }, { cart: { x: 1, mine: 1 } }, { cart: { x: 1, theirs: 1 } });
    expect(result).toEqual({ cart: { x: 1, mine: 1 } });
  });

  test("a field that was deleted by both, or by one and kept by the other, is gone", () => {
    expect(merged(byField, { a: 1 }, {}, {})).toEqual({});
    expect(merged(byField, { a: 1 }, { a: 1 }, {})).toEqual({});
    expect(merged(byField, { a: 1 }, {}, { a: 1 })).toEqual({});
  });

  test("names of the prototype are fields like any other", () => {
    expect(merged(byField, {}, { constructor: 1 }, { toString: 2 })).toEqual({ constructor: 1, toString: 2 });
  });

  test("an unchanged side gives the other one whole", () => {
    fc.assert(
      fc.property(fields, fields, (base, other) => {
        expect(merged(byField, base, base, other)).toEqual(other);
        expect(merged(byField, base, other, base)).toEqual(other);
      }),
    );
  });

  test("changes of different fields commute", () => {
    const half = (names: readonly string[]) => fc.dictionary(fc.constantFrom(...names), json);
    fc.assert(
      fc.property(fields, half(["a", "b", "c"]), half(["d", "e", "f"]), (base, left, right) => {
        const [one, two] = [
          { ...base, ...left },
          { ...base, ...right },
        ];
        const result = merged(byField, base, one, two);
        expect(result).toEqual(merged(byField, base, two, one));
        expect(result).toEqual({ ...base, ...left, ...right });
      }),
    );
  });
});

describe("counter", () => {
  const counting = createMerge({ fields: { n: "counter" } });

  test("adds both changes, a missing number being 0", () => {
    expect(merged(counting, { n: 5 }, { n: 6 }, { n: 8 })).toEqual({ n: 9 });
    expect(merged(counting, {}, { n: 1 }, { n: 1 })).toEqual({ n: 2 });
    expect(merged(counting, { n: 5 }, { n: 4 }, { n: 2 })).toEqual({ n: 1 });
    expect(merged(counting, { n: 5 }, { n: 6 }, {})).toEqual({ n: 1 });
    expect(merged(counting, { n: 5 }, {}, { n: 6 })).toEqual({ n: 1 });
  });

  test("a counter that both deleted is gone", () => {
    expect(merged(counting, { n: 5 }, {}, {})).toEqual({});
  });

  test("what is no number is mine where I changed it", () => {
    expect(merged(counting, { n: 5 }, { n: "six" }, { n: 7 })).toEqual({ n: "six" });
    expect(merged(counting, { n: 5 }, { n: 5 }, { n: "x" })).toEqual({ n: "x" });
  });

  test("adds up over any interleaving of loads and saves", () => {
    // Each writer loads, adds to its own copy, and saves: merging until its base is what is stored.
    const steps = fc.array(
      fc.record({ writer: fc.nat(4), add: fc.integer({ min: -5, max: 5 }), saves: fc.boolean() }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (sequence) => {
        let stored: SessionFields = {};
        let total = 0;
        const writers = Array.from({ length: 5 }, () => ({
          base: stored,
          mine: { n: 0 } as SessionFields,
          pending: 0,
        }));
        const save = (writer: (typeof writers)[number]): void => {
          stored = merged(counting, writer.base, writer.mine, stored);
          total += writer.pending;
          Object.assign(writer, { base: stored, mine: stored, pending: 0 });
        };
        for (const { writer: index, add, saves } of sequence) {
          const writer = writers[index] as (typeof writers)[number];
          writer.mine = { ...writer.mine, n: Number(writer.mine["n"] ?? 0) + add };
          writer.pending += add;
          if (saves) save(writer);
        }
        for (const writer of writers) save(writer);
        expect(Number(stored["n"] ?? 0)).toBe(total);
      }),
    );
  });
});

describe("last write", () => {
  test("of one field is mine even where only they changed it", () => {
    const merge = createMerge({ fields: { a: "last-write" } });
    expect(merged(merge, { a: 1, b: 1 }, { a: 1, b: 1 }, { a: 2, b: 2 })).toEqual({ a: 1, b: 2 });
  });

  test("as the default writes my session whole", () => {
    const merge = createMerge({ default: "last-write", fields: { n: "counter" } });
    expect(merged(merge, { a: 1, n: 1 }, { a: 1, n: 2 }, { a: 2, b: 2, n: 5 })).toEqual({ a: 1, n: 6 });
  });
});

describe("reject", () => {
  test("names the field that both changed to different values", () => {
    const merge = createMerge({ fields: { seat: "reject" } });
    expect(merge({ seat: 1 }, { seat: 2 }, { seat: 3 })).toEqual({ status: "rejected", field: "seat" });
    expect(merge({ seat: 1 }, {}, { seat: 3 })).toEqual({ status: "rejected", field: "seat" });
    expect(merged(merge, { seat: 1 }, { seat: 2 }, { seat: 2 })).toEqual({ seat: 2 });
    expect(merged(merge, { seat: 1, a: 1 }, { seat: 2, a: 1 }, { seat: 1, a: 2 })).toEqual({ seat: 2, a: 2 });
  });

  test("as the default goes for every field without a rule of its own", () => {
    const merge = createMerge({ default: "reject", fields: { n: "counter" } });
    expect(merge({}, { a: 1 }, { a: 2 })).toEqual({ status: "rejected", field: "a" });
    expect(merged(merge, { n: 1 }, { n: 2, mine: 1 }, { n: 2, theirs: 1 })).toEqual({ n: 3, mine: 1, theirs: 1 });
  });
});
