import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cookieValue, sign, unsign } from "../../../src/sessions/cookie-header.js";

// The packages that express-session itself reads and signs with.
const require = createRequire(createRequire(import.meta.url).resolve("express-session"));
const library = require("cookie") as { parse(header: string): Record<string, string> };
const signature = require("cookie-signature") as {
  sign(value: string, secret: string): string;
  unsign(signed: string, secret: string): string | false;
};

describe("the value of a cookie", () => {
  test.each([
    ["sid=1", "1"],
    ["a=0; sid=1; b=2", "1"],
    ["sid=1; sid=2", "1"],
    ["a=sid=2; sid=1", "1"],
    ["xsid=2; sidx=3; sid=1", "1"],
    ["no pair; sid=1", "1"],
    [" \tsid \t= \t1\t ;b", "1"],
    ['sid="quoted"', "quoted"],
    ['sid="', ""],
    ["sid=s%3Aid.mac%2B", "s:id.mac+"],
    ["sid=%E0%A4%A", "%E0%A4%A"],
    ["sid=", ""],
    ["SID=1", undefined],
    ["sid", undefined],
    ["", undefined],
  ])("of %j is %j", (header, value) => {
    expect(cookieValue(header, "sid")).toBe(value);
    expect(library.parse(header)["sid"]).toBe(value);
  });

  test("is what the `cookie` package reads, whatever the header", () => {
    const piece = fc.constantFrom("sid", "a", "=", ";", " ", "\t", '"', "%20", "%zz", "%", "s%3Ax.y", ",", "é", "");
    const header = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(fc.oneof(header, fc.string()), fc.constantFrom("sid", "a", "s"), (text, name) => {
        const read = library.parse(text);
        expect(cookieValue(text, name)).toBe(Object.hasOwn(read, name) ? read[name] : undefined);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("a signature", () => {
  const texts = fc.string({ unit: "binary", maxLength: 80 });
  const secrets = fc.string({ minLength: 1, maxLength: 80 });

  test("is that of cookie-signature, and is verified as there", () => {
    fc.assert(
      fc.property(texts, secrets, secrets, (value, secret, other) => {
        const signed = sign(value, secret);
        expect(signed).toBe(signature.sign(value, secret));
        expect(unsign(signed, [secret])).toBe(value);
        expect(unsign(signed, [other]) ?? false).toBe(signature.unsign(signed, other));
      }),
    );
  });

  test("of anything else is refused as there", () => {
    const damaged = fc.tuple(texts, fc.nat(120), fc.string({ unit: "binary", maxLength: 3 })).map(([value, at, by]) => {
      const signed = sign(value, "secret");
      return signed.slice(0, at) + by + signed.slice(at + 1);
    });
    fc.assert(
      fc.property(fc.oneof(damaged, texts), (text) => {
        expect(unsign(text, ["secret"]) ?? false).toBe(signature.unsign(text, "secret"));
      }),
      { numRuns: 1000 },
    );
  });

  test("may be that of any secret of the list, tried in order", () => {
    const signed = sign("id", "older");
    expect(unsign(signed, ["new", "older"])).toBe("id");
    expect(unsign(signed, ["new"])).toBeUndefined();
    expect(unsign(signed, [])).toBeUndefined();
  });

  test("without a secret is an error, not one that anybody can make", () => {
    expect(() => sign("id", undefined)).toThrow(TypeError);
    expect(() => sign("id", "")).toThrow(TypeError);
  });
});
