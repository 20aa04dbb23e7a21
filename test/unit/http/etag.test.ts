import { describe, expect, it } from "vitest";
import { etagOf, passesIfMatch, passesIfNoneMatch } from "../../../src/http/etag.js";
import { fakeRequest } from "./hosts.js";

describe("etagOf", () => {
  it("is a strong tag that depends on the content alone", () => {
    expect(etagOf('{"a":1}')).toMatch(/^"[\w-]{27}"$/);
    expect(etagOf('{"a":1}')).toBe(etagOf('{"a":1}'));
    expect(etagOf('{"a":2}')).not.toBe(etagOf('{"a":1}'));
  });
});

// The comparison table of RFC 9110, 8.8.3.2, plus lists and the star.
const cases: [header: string, etag: string | undefined, strong: boolean, weak: boolean][] = [
  ['W/"1"', 'W/"1"', false, true],
  ['W/"1"', 'W/"2"', false, false],
  ['W/"1"', '"1"', false, true],
  ['"1"', 'W/"1"', false, true],
  ['"1"', '"1"', true, true],
  ['"1"', '"2"', false, false],
  ['"0", W/"1" ,"2"', '"2"', true, true],
  ['"0", W/"1" ,"2"', '"1"', false, true],
  ['"a,b", "c"', '"a,b"', true, true],
  ['"a,b"', '"a"', false, false],
  ['"11"', '"1"', false, false],
  [" * ", '"1"', true, true],
  ["*", undefined, false, false],
  ['"1"', undefined, false, false],
  ["1", '"1"', false, false],
  ["", '"1"', false, false],
];

describe("passesIfMatch", () => {
  it.each(cases)("%j against %j: %j", (header, etag, strong) => {
    expect(passesIfMatch(fakeRequest({ "if-match": header }), etag)).toBe(strong);
  });

  it("passes without the header", () => {
    expect(passesIfMatch(fakeRequest({}), '"1"')).toBe(true);
    expect(passesIfMatch(fakeRequest({}), undefined)).toBe(true);
  });
});

describe("passesIfNoneMatch", () => {
  it.each(cases)("%j against %j: passes unless it matches weakly", (header, etag, _strong, weak) => {
    expect(passesIfNoneMatch(fakeRequest({ "if-none-match": header }), etag)).toBe(!weak);
  });

  it("passes without the header", () => {
    expect(passesIfNoneMatch(fakeRequest({}), '"1"')).toBe(true);
  });
});
