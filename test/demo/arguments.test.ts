import { expect, test } from "vitest";
import { readArguments, UsageError } from "../../examples/demo/arguments.js";

test("without arguments the trials come first, and the page listens on port 3000", () => {
  expect(readArguments([], undefined)).toEqual({
    topology: undefined,
    check: false,
    trials: true,
    port: 3_000,
    help: false,
  });
});

test("the page alone can be asked for, on servers of a kind and another port", () => {
  expect(readArguments(["sentinel", "--no-trials"], "0")).toMatchObject({
    topology: "sentinel",
    trials: false,
    port: 0,
  });
});

test.each([
  [["--check", "--no-trials"], /leaves them out/],
  [["redis"], /unknown argument "redis"/],
  [["single", "cluster"], /one kind of servers at a time/],
  [["--no-trial"], /no-trial/],
])("%j is refused with what is wrong", (given, message) => {
  expect(() => readArguments(given, undefined)).toThrow(UsageError);
  expect(() => readArguments(given, undefined)).toThrow(message);
});
