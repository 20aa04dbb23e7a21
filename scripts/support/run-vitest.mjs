import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { binOf, runNode } from "./run-bin.mjs";

const reporter = join(dirname(fileURLToPath(import.meta.url)), "counting-reporter.mjs");

/** Longer than any honest run; a hung one ends instead of holding a CI machine. */
const limit = 15 * 60_000;

/**
 * Runs vitest over a project with its usual output and resolves to `{ passed, failed, notes }`.
 *
 * Skipped and todo count as failed. vitest exits 0 with skipped tests and calls no reporter when a globalSetup throws,
 * so a run is only good when the counts are there, a test has passed, and the exit code says so too.
 */
export async function runVitest(project, args, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), "express-fleet-counts-"));
  const file = join(folder, "counts.json");
  try {
    const code = await runNode(
      binOf("vitest"),
      ["run", "--root", project, "--reporter=default", `--reporter=${reporter}`, ...args],
      { cwd: project, timeout: limit, env: { ...cleanEnvironment(), ...env, EXPRESS_FLEET_TEST_COUNTS: file } },
    );
    if (!existsSync(file)) return { passed: 0, failed: 1, notes: [`vitest ended with ${code} before it could count`] };
    const counts = JSON.parse(readFileSync(file, "utf8"));
    if (counts.failed > 0) return counts;
    if (code !== 0) return { ...counts, failed: 1, notes: [...counts.notes, `vitest exited with ${code}`] };
    if (counts.passed === 0) return { ...counts, failed: 1, notes: [...counts.notes, "no test was run"] };
    return counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Without what an outer vitest sets: the runner is tested by itself. */
function cleanEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith("VITEST") && name !== "NODE_ENV" && name !== "TEST",
    ),
  );
}
