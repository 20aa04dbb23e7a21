import { describe, expect, it } from "vitest";
import { parseDuration } from "../../../src/core/duration.js";
import { ConfigError } from "../../../src/core/errors.js";

describe("parseDuration", () => {
  it.each([
    [0, 0],
    [1500, 1500],
    ["250ms", 250],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["30d", 2_592_000_000],
    [" 10s ", 10_000],
    ["0s", 0],
  ])("reads %j as %d ms", (value, expected) => {
    expect(parseDuration(value, "ttl")).toBe(expected);
  });

  it.each([
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "5000",
    "-5s",
    "5 minutes",
    "1e3s",
    "s",
    "",
    "1..5s",
    `${"9".repeat(400)}d`,
    null,
    undefined,
    true,
    {},
  ])("refuses %j, with the place and what to write", (value) => {
    const attempt = (): number => parseDuration(value, "sessions.idle");
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(
      expect.objectContaining({
        code: "ERR_FLEET_CONFIG_DURATION",
        message: expect.stringContaining("sessions.idle"),
        help: expect.stringContaining('sessions.idle: "1.5s"'),
      }),
    );
  });

  it("does not repeat a long value whole", () => {
    expect(() => parseDuration("x".repeat(10_000), "ttl")).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,100}$/) }),
    );
  });
});
