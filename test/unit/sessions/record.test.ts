import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  findWrite,
  formatSession,
  formatTombstone,
  parseObject,
  parseRecord,
  parseStored,
  type Writer,
} from "../../../src/sessions/record.js";

const word = fc.string({ unit: fc.constantFrom(..."abcXYZ019_-"), minLength: 1, maxLength: 20 });
const count = fc.maxSafeNat();
const writer = fc.record({ processId: word, sequence: count, version: count, at: count });
const record = fc.record({
  version: count,
  created: count,
  idle: count,
  absoluteAt: count,
  token: word,
  previousToken: fc.oneof(fc.constant(""), word),
  previousUntil: count,
  cookie: fc.json().filter((text) => text !== ""),
  payload: fc.oneof(fc.json(), fc.string()),
});

test("a session is read as it was written", () => {
  fc.assert(
    fc.property(record, fc.array(writer, { maxLength: 4 }), (session, writers) => {
      expect(parseStored(formatSession(session, writers))).toEqual({ kind: "session", record: session, writers });
      expect(parseRecord(formatSession(session, writers))).toEqual(session);
    }),
  );
});

test("a tombstone is read as it was written", () => {
  fc.assert(
    fc.property(fc.array(writer, { maxLength: 4 }), (writers) => {
      expect(parseStored(formatTombstone(writers))).toEqual({ kind: "tombstone", writers });
      expect(parseRecord(formatTombstone(writers))).toBe("tombstone");
    }),
  );
});

test("the form is the one that is documented", () => {
  const session = {
    version: 1_790_000_000_123_456,
    created: 1,
    idle: 2,
    absoluteAt: 0,
    token: "tok",
    previousToken: "",
    previousUntil: 0,
    cookie: "{}",
    payload: '{"a":1}',
  };
  expect(formatSession(session, [{ processId: "p", sequence: 7, version: 1_790_000_000_123_456, at: 9 }])).toBe(
    '1|1790000000123456|1|2|0|tok||0|e30|p:7:1790000000123456:9\n{"a":1}',
  );
  expect(formatTombstone([])).toBe("0|");
});

test.each([
  ["", "empty"],
  ["1|3|1|2|0|tok||0|e30|", "no payload"],
  ["2|3|1|2|0|tok||0|e30|\n{}", "another format"],
  ["1|03|1|2|0|tok||0|e30|\n{}", "a number with a leading zero"],
  ["1|-3|1|2|0|tok||0|e30|\n{}", "a negative number"],
  ["1|12345678901234567|1|2|0|tok||0|e30|\n{}", "a number beyond the safe ones"],
  ["1|3|1|2|0|||0|e30|\n{}", "no token"],
  ["1|3|1|2|0|tok||0||\n{}", "no cookie"],
  ["1|3|1|2|0|tok||0|e30\n{}", "no writers"],
  ["1|3|1|2|0|tok||0|e30|p:1:1\n{}", "half a writer"],
  ["1|3|1|2|0|tok||0|e30|p:1:1:1,\n{}", "an empty writer"],
  ["0|p", "a tombstone with half a writer"],
  ["0|\n", "a tombstone with a second line"],
  ['{"cookie":{}}', "a session of connect-redis"],
])("%j is corrupt: %s", (text) => {
  expect(parseStored(text)).toBeUndefined();
  expect(parseRecord(text)).toBeUndefined();
});

describe("a write among the writers", () => {
  const now = 1_000_000;
  const writers: Writer[] = [
    { processId: "me", sequence: 5, version: 8, at: now - 60_000 },
    { processId: "fresh", sequence: 1, version: 7, at: now - 9999 },
    { processId: "old", sequence: 1, version: 6, at: now - 10_000 },
  ];

  test("is found however old it is; others count for ten seconds", () => {
    expect(findWrite(writers, { processId: "me", sequence: 5 }, now)).toEqual({
      made: 8,
      later: false,
      others: [writers[1]],
    });
  });

  test("is refused after a later one of its process, and new before none", () => {
    expect(findWrite(writers, { processId: "me", sequence: 4 }, now)).toMatchObject({ made: undefined, later: true });
    expect(findWrite(writers, { processId: "me", sequence: 6 }, now)).toMatchObject({ made: undefined, later: false });
    expect(findWrite(writers, { processId: "new", sequence: 1 }, now)).toMatchObject({ made: undefined, later: false });
  });
});

describe("an object from JSON", () => {
  test("is an object and nothing else", () => {
    expect(parseObject('{"a":[1]}')).toEqual({ a: [1] });
    for (const text of ["", "null", "[]", "1", '"a"', "{", "undefined"]) expect(parseObject(text)).toBeUndefined();
  });

  test.each([
    '{"__proto__":{"admin":true},"a":{"__proto__":{"admin":true},"b":1}}',
    '{"\\u005f_proto__":{"admin":true},"a":{"\\u005F\\u005fproto__":1,"b":1}}',
  ])("has no __proto__, however it is written: %s", (text) => {
    const value = parseObject(text) as Record<string, object>;
    expect(Object.keys(value)).toEqual(["a"]);
    expect(Object.keys(value["a"] as object)).toEqual(["b"]);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test("keeps the word where it is no key", () => {
    expect(parseObject('{"a":"__proto__ \\u00e9"}')).toEqual({ a: "__proto__ é" });
  });
});
