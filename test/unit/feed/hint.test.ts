import { expect, test } from "vitest";
import { readHint } from "../../../src/feed/hint.js";

const parts = ["b0", "1767225600000-0", "op-1", "1767225600000-1", "one", "op-2", "{}"];

test("a hint names its log, the entry before, and the entry", () => {
  expect(readHint(JSON.stringify(parts))).toEqual({
    name: "b0",
    previous: { position: "1767225600000-0", operation: "op-1" },
    entry: { position: "1767225600000-1", origin: "one", operation: "op-2", payload: "{}" },
  });
});

test("what another program may publish is no hint, unless it has our form", () => {
  const nonsense = [
    "",
    "PING",
    "{",
    "null",
    "{}",
    '"text"',
    "[]",
    JSON.stringify(parts.slice(1)),
    JSON.stringify([...parts, ""]),
    JSON.stringify([...parts.slice(0, 6), 7]),
    JSON.stringify([...parts.slice(0, 6), null]),
  ];
  for (const text of nonsense) expect(readHint(text), text).toBeUndefined();
});

test("a position that a server would not take is no hint: the log could not be read from there", () => {
  for (const bad of [
    "",
    "-",
    "1",
    "1-",
    "-1",
    "a-b",
    "1-0-0",
    "+",
    "1.5-0",
    "-1-0",
    " 1-0",
    "99999999999999999999-0",
  ]) {
    expect(readHint(JSON.stringify(parts.with(3, bad))), bad).toBeUndefined();
    expect(readHint(JSON.stringify(parts.with(1, bad))), bad).toBeUndefined();
  }
});
