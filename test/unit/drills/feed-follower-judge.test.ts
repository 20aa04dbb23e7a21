import { describe, expect, test } from "vitest";
import { Appends } from "../../drills/feed-appends.js";
import { FollowerJudge, type FollowerVerdict } from "../../drills/feed-follower-judge.js";
import type { MemberReport, StoredEntry } from "../../drills/feed-group.js";
import type { TraceEvent } from "../../drills/feed-protocol.js";

const stats = { gaps: 0, cuts: 0, forks: 0, reassertions: 0, subscriberGaps: 0 };

const mark = (counter: number, attempt = 1): string => `w ${counter} ${attempt}`;
const applied = (counter: number, at = counter, position = counter): TraceEvent => [
  "applied",
  at,
  `${position}-0`,
  mark(counter),
];
const flushed = (reason: "cut" | "fork"): TraceEvent => ["flushed", 0, reason];
const looked = (at: number, isTrusted = true): TraceEvent => ["looked", at, isTrusted];

interface Setting {
  /** Counters whose appends were acknowledged, each at the moment and the position of its number. */
  readonly acknowledged: readonly number[];
  /** By default all of them, where they were acknowledged. */
  readonly stored?: readonly StoredEntry[];
  readonly mayLose?: boolean;
}

const at = (...counters: readonly number[]): readonly StoredEntry[] =>
  counters.map((counter) => ({ mark: mark(counter), position: `${counter}-0` }));

function judge(trace: readonly TraceEvent[], { acknowledged, stored, mayLose = false }: Setting): FollowerVerdict {
  const told = acknowledged.map((counter): TraceEvent => ["acknowledged", counter, `${counter}-0`, mark(counter)]);
  const report: MemberReport = { number: 1, position: "", writer: "w", trace: told, stats };
  const appends = new Appends([report], stored ?? at(...acknowledged), new Map(), mayLose);
  return new FollowerJudge().judge(trace, appends);
}

const kinds = ({ violations }: FollowerVerdict): readonly string[] => violations.map(({ kind }) => kind);

describe("the judge of a follower", () => {
  test("finds nothing where every entry comes once and in order", () => {
    const verdict = judge([applied(1), looked(2), applied(2), applied(3), looked(4_000)], { acknowledged: [1, 2, 3] });
    expect(verdict).toMatchObject({ applied: 3, appliedAgain: 0, violations: [], excused: 0, untrustedLooks: 0 });
  });

  test("finds what was missed in between, and at the end", () => {
    const setting = { acknowledged: [1, 2, 3] };
    expect(kinds(judge([applied(1), applied(3)], setting))).toEqual(["missed", "missed"]);
    expect(kinds(judge([applied(1), applied(2)], setting))).toEqual(["missed", "missed"]);
  });

  test("finds what came twice or late", () => {
    const setting = { acknowledged: [1, 2] };
    expect(kinds(judge([applied(1), applied(2), applied(2)], setting))).toEqual(["twice"]);
    expect(kinds(judge([applied(2), applied(1)], setting))).toEqual(["late"]);
  });

  test("takes a later attempt at the same for what it is", () => {
    const again: TraceEvent = ["applied", 3, "3-0", mark(1, 2)];
    const stored = [
      { mark: mark(1), position: "1-0" },
      { mark: mark(1, 2), position: "3-0" },
    ];
    expect(kinds(judge([applied(1), again], { acknowledged: [], stored }))).toEqual([]);
    expect(kinds(judge([again, applied(1, 4, 4)], { acknowledged: [], stored }))).toEqual(["late"]);
  });

  test("finds what was trusted and lacks what was acknowledged longer ago than the bound", () => {
    const setting = { acknowledged: [1, 2] };
    expect(kinds(judge([applied(1), looked(2_002), looked(2_003), applied(2)], setting))).toEqual(["stale"]);
    expect(kinds(judge([applied(1), looked(2_003, false), applied(2)], setting))).toEqual([]);
  });

  test("expects nothing of what a flush has voided, and everything after it", () => {
    const setting = { acknowledged: [1, 2, 3, 4, 5] };
    expect(kinds(judge([applied(1), flushed("cut"), looked(9_000), applied(4), applied(5)], setting))).toEqual([]);
    expect(kinds(judge([applied(1), flushed("cut"), applied(3), applied(5)], setting))).toEqual(["missed", "missed"]);
  });

  test("lets entries come again after a flush, once", () => {
    const setting = { acknowledged: [1, 2, 3], stored: [...at(3), { mark: mark(2), position: "4-0" }] };
    const again = applied(2, 4, 4);
    expect(judge([applied(1), applied(2), flushed("fork"), applied(3), again], setting)).toMatchObject({
      appliedAgain: 1,
      forks: 1,
      violations: [],
    });
    expect(kinds(judge([applied(1), applied(2), flushed("fork"), applied(3), again, again], setting))).toEqual([
      "twice",
    ]);
  });

  test("does not take what is appended again for what comes next", () => {
    const setting = { acknowledged: [1, 2, 3, 4], stored: [...at(4), { mark: mark(2), position: "8-0" }] };
    expect(kinds(judge([applied(1), flushed("fork"), applied(2, 8, 8), looked(9_000)], setting))).toEqual([]);
    expect(kinds(judge([applied(1), flushed("fork"), applied(2), looked(9_000)], setting))).toContain("stale");
  });

  test("takes what was heard of where it is not, and in order, for the entry itself", () => {
    const stored = [...at(1, 3), { mark: mark(2), position: "2-0" }];
    expect(kinds(judge([applied(1), applied(2, 2, 7), applied(3)], { acknowledged: [1, 2, 3], stored }))).toEqual([]);
  });

  test("excuses what a failover lost before it was seen, and only that", () => {
    const trace = [applied(1), looked(2_003), applied(3)];
    const lost = { acknowledged: [1, 2, 3], stored: at(1, 3), mayLose: true };
    expect(judge(trace, lost)).toMatchObject({ violations: [], excused: 2 });
    expect(kinds(judge(trace, { ...lost, mayLose: false }))).toEqual(["stale", "missed"]);
    expect(kinds(judge(trace, { ...lost, stored: at(1, 2, 3) }))).toEqual(["stale", "missed", "missed"]);
  });

  test("measures how long nothing was trusted, until the next look that was", () => {
    const looks = [looked(10), looked(30, false), looked(50, false), looked(90), looked(100, false), looked(120)];
    expect(judge(looks, { acknowledged: [] })).toMatchObject({ untrustedLooks: 3, longestUntrusted: 60 });
  });
});
