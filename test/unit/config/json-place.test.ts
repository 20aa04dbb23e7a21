import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findJsonFault } from "../../../src/config/json-place.js";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("the place at which a text is no JSON", () => {
  it.each([
    ["", 0, "a value"],
    ["{", 1, "a property name in double quotes"],
    ["[", 1, "a value"],
    ["{a:1}", 1, "a property name in double quotes"],
    ["{'a':1}", 1, "a property name in double quotes"],
    ['{"a" 1}', 5, '":"'],
    ['{"a":}', 5, "a value"],
    ['{"a":1 "b":2}', 7, '"," or "}"'],
    ['{"a":1,}', 7, "a property name in double quotes"],
    ["[1 2]", 3, '"," or "]"'],
    ["[1,]", 3, "a value"],
    ['["a]', 1, "a closing double quote"],
    ['["\\x"]', 3, "one of"],
    ['["a\nb"]', 3, "no line break"],
    ["[1.]", 1, "a value"],
    ["[01]", 1, "a value"],
    ["[nul]", 1, "a value"],
    ["[1] 2", 4, "nothing more"],
    ['{"server3: "6381"}', 9, 'a double quote before ":"'],
    ['{": "6381"}', 5, '":"'],
  ])("%j at %d", (text, offset, expected) => {
    const fault = findJsonFault(text);
    expect(fault?.offset).toBe(offset);
    expect(fault?.expected).toContain(expected);
  });

  it("agrees with JSON.parse on what is JSON", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      '"a"',
      "1",
      "-0.5e+3",
      "01",
      "true",
      "nul",
      " ",
      "\n",
      "\\",
      "\\u00e9",
      "\u2028",
      "é",
    );
    const built = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(""));
    const damaged = fc.tuple(fc.json(), fc.nat(), pieces).map(([text, at, piece]) => {
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + piece + text.slice(cut + 1);
    });
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string(), built, damaged), (text) => {
        expect(findJsonFault(text) === undefined).toBe(isJson(text));
      }),
      { numRuns: 3000, seed: 20_261_120 },
    );
  });

  it("refuses what is too deep to be meant, without running out of stack", () => {
    expect(findJsonFault("[".repeat(100_000))?.expected).toContain("levels");
  });
});
