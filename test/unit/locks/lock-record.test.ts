import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatLock,
  holderOf,
  parseForce,
  parseLock,
  viewOf,
  type LockRecord,
} from "../../../src/locks/lock-record.js";

const process = fc.stringMatching(/^[\w-]{1,22}$/);
const integer = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
// As JSON is: anything but a line feed, which JSON escapes.
const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", ""));

const lock: fc.Arbitrary<LockRecord> = fc.record({
  owner: fc.oneof(fc.constant(""), process),
  number: integer,
  token: integer,
  lastToken: fc.integer({ min: 15, max: Number.MAX_SAFE_INTEGER }),
  expires: integer,
  since: integer,
  ended: fc.array(fc.record({ process, number: integer, at: integer }), { maxLength: 5 }),
  notes: line,
  forced: line,
  waiters: fc.array(
    fc.record({ process, number: integer, until: integer, lease: integer, since: integer, notes: line }),
    { maxLength: 5 },
  ),
});

describe("a lock's text", () => {
  test("gives back what was written, whatever it holds", () => {
    fc.assert(
      fc.property(lock, (record) => {
        const isGivenBack = record.owner === "" && record.expires === 0 && record.waiters.length === 0;
        const forgotten = isGivenBack ? { number: 0, token: 0, since: 0, notes: "" } : {};
        expect(parseLock(formatLock(record))).toEqual({ ...record, ...forgotten });
      }),
    );
  });

  test("that is empty is a lock that nobody has or had", () => {
    const record = parseLock("");
    expect(record).toMatchObject({ owner: "", expires: 0, lastToken: 0, ended: [], waiters: [] });
    expect(viewOf(record as LockRecord, 1)).toEqual({ now: 1, holder: undefined, waiters: [] });
  });

  test("that no version wrote is recognised, also when it is cut", () => {
    const text = formatLock({
      ...(parseLock("") as LockRecord),
      ended: [{ process: "one", number: 1, at: 2 }],
      waiters: [{ process: "two", number: 1, until: 9, lease: 5, since: 1, notes: "{}" }],
    });
    expect(parseLock(text)).toBeDefined();
    const head = text.indexOf("two|");
    for (let length = 1; length < text.length; length += 1)
      expect(parseLock(text.slice(0, length)) === undefined, text.slice(0, length)).toBe(length !== head);
    for (const foreign of ["{}", `2${text.slice(1)}`, `${text}more`, text.replace("one:1:2,", "one:1:2")])
      expect(parseLock(foreign), foreign).toBeUndefined();
  });
});

test("nobody has a lock from the millisecond at which its lease ends", () => {
  const record = { ...(parseLock("") as LockRecord), owner: "one", expires: 100 };
  expect(holderOf(record, 99)?.process).toBe("one");
  expect(holderOf(record, 100)).toBeUndefined();
});

test("who took a lock by force, and why, is read whatever they wrote", () => {
  const why = '{"reason":"a | b \u2028\r"}';
  expect(parseForce(`op|one|7|stolen|${why}`)).toEqual({ process: "one", number: 7, kind: "stolen", why });
  expect(parseForce("op||0|forced|{}")).toEqual({ process: "", number: 0, kind: "forced", why: "{}" });
  expect(parseForce("")).toBeUndefined();
  expect(parseForce("op|one|7|bought|{}")).toBeUndefined();
});
