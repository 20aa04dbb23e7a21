import fc from "fast-check";

const surrogates = 0x800;

/** Any code point but halves of surrogate pairs; fast-check's own unit "binary" takes a second to begin. */
export const anyCharacter: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: 0x10ffff - surrogates })
  .map((number) => String.fromCodePoint(number < 0xd800 ? number : number + surrogates));
