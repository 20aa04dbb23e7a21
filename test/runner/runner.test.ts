import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function runFixture(
  name: string,
  ...args: string[]
): { code: number | null; lastLine: string | undefined; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["scripts/test.mjs", "--fixture", `test/runner/fixtures/${name}`, ...args],
    { cwd: root, encoding: "utf8" },
  );
  return { code: status, lastLine: stdout.trimEnd().split("\n").at(-1), output: stdout + stderr };
}

test("a run in which everything passes exits 0", () => {
  const { code, lastLine } = runFixture("passing");
  expect({ code, lastLine }).toEqual({ code: 0, lastLine: "1 passed, 0 failed" });
});

test("a failing test fails the run", () => {
  const { code, lastLine } = runFixture("failing");
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "1 passed, 1 failed" });
});

test("skipped and todo tests count as failed and are named", () => {
  const { code, lastLine, output } = runFixture("skipped");
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "1 passed, 2 failed" });
  expect(output).toContain("not run, counted as failed: one.test.mjs > is skipped");
});

test("a globalSetup that throws counts as failed", () => {
  const { code, lastLine, output } = runFixture("throwing-setup");
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "0 passed, 1 failed" });
  expect(output).toContain("the topology cannot start");
});

test("an error after the tests of a file counts as failed", () => {
  const { code, lastLine } = runFixture("hook");
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "1 passed, 1 failed" });
});

test("a vitest that dies counts as failed", () => {
  const { code, lastLine, output } = runFixture("dying");
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "0 passed, 1 failed" });
  expect(output).toContain("before it could count");
});

test("a filter that matches no test is a failure, not a success", () => {
  const { code, lastLine } = runFixture("passing", "no-such-file");
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "0 passed, 1 failed" });
});

test("filters reach vitest, and tests that a name leaves out do not count", () => {
  const { code, lastLine } = runFixture("skipped", "-t", "passes");
  expect({ code, lastLine }).toEqual({ code: 0, lastLine: "1 passed, 0 failed" });
});
