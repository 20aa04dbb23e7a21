import { describe, expect, it } from "vitest";
import { parsePrefer, preferencesOf } from "../../../src/http/prefer.js";
import { fakeRequest } from "./hosts.js";

describe("preferencesOf", () => {
  it.each([
    ["respond-async, wait=10", true, 10_000],
    ["Respond-Async,WAIT=10", true, 10_000],
    ["wait = 5", false, 5000],
    ['respond-async="", wait="7"', true, 7000],
    ["respond-async; foo=bar, wait=0; x", true, 0],
    ["wait=1, wait=2", false, 1000],
    ["return=minimal", false, undefined],
    ["wait", false, undefined],
    ["wait=-1", false, undefined],
    ["wait=1.5", false, undefined],
    ["wait=99999999999999999999", false, undefined],
    ['foo="respond-async, wait=3"', false, undefined],
    ['foo="a \\", wait=3', false, undefined],
    ["", false, undefined],
    [",,;=,", false, undefined],
  ])("reads %j", (header, respondAsync, wait) => {
    expect(preferencesOf(fakeRequest({ prefer: header }))).toEqual({ respondAsync, wait });
  });

  it("asks for nothing without the header", () => {
    expect(preferencesOf(fakeRequest({}))).toEqual({ respondAsync: false, wait: undefined });
  });
});

describe("parsePrefer", () => {
  it("keeps the first of each name, with its value as it was written", () => {
    expect([...parsePrefer('handling=Lenient, foo="a, \\"b\\"; c", handling=strict, x=1=2')]).toEqual([
      ["handling", "Lenient"],
      ["foo", 'a, "b"; c'],
      ["x", "1=2"],
    ]);
  });
});
