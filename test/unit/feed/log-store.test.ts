import { expect, test } from "vitest";
import { comparePositions } from "../../../src/feed/log-store.js";

test("positions are in the order of milliseconds, then of sequences", () => {
  const ordered = [
    "0-0",
    "0-1",
    "9-0",
    "10-0",
    "1767225600000-9",
    "1767225600000-10",
    "1767225600001-0",
    // Neighbours here are one and the same number in binary64.
    "9007199254740992-0",
    "9007199254740993-0",
    "20260101120000001-18446744073709551614",
    "20260101120000001-18446744073709551615",
    "18446744073709551615-0",
  ];
  for (const [index, position] of ordered.entries()) {
    expect(comparePositions(position, position)).toBe(0);
    for (const later of ordered.slice(index + 1)) {
      expect(comparePositions(position, later), `${position} ${later}`).toBeLessThan(0);
      expect(comparePositions(later, position), `${later} ${position}`).toBeGreaterThan(0);
    }
  }
});
