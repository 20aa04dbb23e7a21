import { writeFileSync } from "node:fs";

/** vitest marks a test that `-t` leaves out like one that is skipped in its file; only then is it none of ours. */
const isFiltered = process.argv.some((arg) => arg === "-t" || arg.startsWith("--testNamePattern"));

/** A vitest reporter that writes `{ passed, failed, notes }` to the file in EXPRESS_FLEET_TEST_COUNTS when a run has ended. */
export default class CountingReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, notes: [] };
    for (const module of modules) countModule(module, counts);
    // vitest fails the run for them, and no test.
    counts.failed += unhandledErrors.length;
    writeFileSync(process.env.EXPRESS_FLEET_TEST_COUNTS, JSON.stringify(counts));
  }
}

function countModule(module, counts) {
  const before = counts.passed + counts.failed;
  let left = 0;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === "skipped" && isFiltered) {
      left += 1;
      continue;
    }
    if (state === "passed") counts.passed += 1;
    else counts.failed += 1;
    if (state === "skipped" || state === "pending")
      counts.notes.push(`not run, counted as failed: ${module.relativeModuleId} > ${test.fullName}`);
  }
  // An error of a file, or in a hook after the tests, belongs to no test.
  counts.failed += module.errors().length;
  for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
  if (counts.passed + counts.failed + left === before) {
    counts.failed += 1;
    counts.notes.push(`no test in ${module.relativeModuleId}, counted as failed`);
  }
}
