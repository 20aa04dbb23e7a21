import { describe, expect, test } from "vitest";
import { judgeLocks, type LocksVerdict } from "../../drills/locks-judge.js";
import type { LockEvent, LockOutcome } from "../../drills/locks-protocol.js";
import { attemptsOf, type LockAttempt } from "../../drills/locks-trace.js";

/** What one process writes of a hold that is asked for right before. */
function held(
  id: number,
  token: number,
  from: number,
  to: number,
  outcome: LockOutcome = "released",
  how: "waited" | "stolen" = "waited",
  lock = "red",
): LockEvent[] {
  return [
    ["asked", id, lock, from - 1, 100],
    ["held", id, token, from, how],
    ["still", id, to],
    ["ended", id, to + 1, outcome, ""],
  ];
}

/** One list of events for each process. */
function attempts(...traces: readonly LockEvent[][]): readonly LockAttempt[] {
  return traces.flatMap((events, index) => attemptsOf(`member-${index}`, events));
}

function judge(...traces: readonly LockEvent[][]): LocksVerdict {
  return judgeLocks({ attempts: attempts(...traces), callTakes: 1_000 });
}

const kinds = ({ violations }: LocksVerdict): readonly string[] => violations.map(({ kind }) => kind);

describe("the judge of locks", () => {
  test("finds nothing where one holds after the other, with rising tokens", () => {
    const verdict = judge([...held(1, 10, 0, 20), ...held(2, 30, 50, 60)], held(1, 20, 30, 40));
    expect(verdict).toMatchObject({
      violations: [],
      grants: 3,
      intervals: 3,
      outcomes: { released: 3 },
      longestWait: 1,
    });
  });

  test("finds two that held at the same moment, also where one of them died or another hold lies between", () => {
    expect(kinds(judge(held(1, 10, 0, 20), held(1, 20, 19, 40)))).toEqual(["overlap"]);
    const died = held(1, 10, 0, 20).slice(0, 3);
    const verdict = judgeLocks({
      attempts: attempts(died, held(1, 20, 19, 40)),
      dead: new Set(["member-0"]),
      callTakes: 1_000,
    });
    expect(kinds(verdict)).toEqual(["overlap"]);
    expect(kinds(judge(held(1, 10, 0, 50), held(1, 20, 5, 10), held(1, 30, 45, 60)))).toEqual(["overlap", "overlap"]);
  });

  test("takes only what was seen for held: not the time until the release", () => {
    const lost: LockEvent[] = [
      ["asked", 1, "red", 0, 100],
      ["held", 1, 10, 1, "waited"],
      ["ended", 1, 90, "lost", "stalled"],
    ];
    const verdict = judge(lost, held(1, 20, 2, 40));
    expect(verdict).toMatchObject({ violations: [], codes: { "lost stalled": 1 } });
  });

  test("counts those apart whose lock was stolen, and knows locks by their names", () => {
    const stolen = held(1, 20, 10, 30, "released", "stolen");
    expect(judge(held(1, 10, 0, 20), stolen)).toMatchObject({ violations: [], stolenFrom: 1 });
    const blue = held(1, 5, 10, 30, "released", "waited", "blue");
    expect(kinds(judge(held(1, 10, 0, 20), blue))).toEqual([]);
  });

  test("finds a token that is not above all before it", () => {
    expect(kinds(judge(held(1, 10, 0, 20), held(1, 10, 30, 40)))).toEqual(["token"]);
    expect(kinds(judge(held(1, 30, 0, 5), held(1, 10, 10, 15), held(1, 20, 20, 25)))).toEqual(["token", "token"]);
  });

  test("finds an attempt of a living process that does not end, that ends late, or in an error of nobody", () => {
    expect(kinds(judge([["asked", 1, "red", 0, 100]]))).toEqual(["open"]);
    expect(
      kinds(
        judge([
          ["asked", 1, "red", 0, 100],
          ["ended", 1, 1_101, "timeout", "X"],
        ]),
      ),
    ).toEqual(["late"]);
    expect(
      kinds(
        judge([
          ["asked", 1, "red", 0, 100],
          ["held", 1, 1, 1_101, "waited"],
          ["ended", 1, 1_102, "released", ""],
        ]),
      ),
    ).toEqual(["late"]);
    expect(
      kinds(
        judge([
          ["asked", 1, "red", 0, 100],
          ["ended", 1, 2, "broken", "TypeError"],
        ]),
      ),
    ).toEqual(["broken"]);
    const refused = judge([
      ["asked", 1, "red", 0, 100],
      ["ended", 1, 103, "timeout", "X"],
    ]);
    expect(refused).toMatchObject({ violations: [], grants: 0, longestDelay: 3, patientTimeouts: 1 });
  });
});
