// npm run bench -- <suite> [--json] [--quick]: measures express-fleet beside what people run today.
import { existsSync } from "node:fs";
import { readArguments, suiteNames, UsageError } from "./harness/arguments.mjs";
import { chooseCores, pin } from "./harness/cores.mjs";
import { runContest } from "./harness/contest.mjs";
import { installPeers } from "./harness/install.mjs";
import { describeRun, describeScenario, toJson } from "./harness/report.mjs";

const compiledSupport = new URL("../build/test/support/child.js", import.meta.url);

let interrupted = false;

try {
  process.exitCode = await main();
} catch (error) {
  // After a signal the apps are ended under load, which is no news.
  if (!interrupted) report(error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function main() {
  const names = suiteNames();
  const options = readArguments(process.argv.slice(2), names);
  if (!existsSync(compiledSupport)) {
    throw new UsageError("The tools are not compiled; start it as `npm run bench -- <suite>`, which does that first.");
  }
  await installPeers();
  const { suite } = await import(`./suites/${options.suite}.mjs`);
  const { Lab } = await import("./harness/lab.mjs");

  const cores = chooseCores();
  // First of all, because servers and load inherit it; the apps are moved to their own core one by one.
  pin(process.pid, cores.rest);
  const lab = new Lab(cores);
  endOnSignal(lab);
  try {
    return await measure(suite, options, lab);
  } finally {
    await lab.close();
  }
}

async function measure(suite, options, lab) {
  const effort = options.quick ? suite.efforts.quick : suite.efforts.full;
  console.log(describeRun(options, effort, lab));
  const results = await runContest({ suite, lab, effort, onProgress: (text) => process.stderr.write(`  ${text}\n`) });
  for (const result of results) console.log(describeScenario(suite, result));
  console.log();

  const notes = [...lab.cores.notes, ...(suite.notes?.(results) ?? [])];
  if (options.quick) notes.push("This was a quick run: it shows that everything works; its numbers say nothing.");
  for (const note of notes) console.log(`Note: ${note}`);
  const problems = suite.problems?.(results) ?? [];
  for (const problem of problems) console.error(`Problem: ${problem}`);
  if (options.json) console.log(JSON.stringify(toJson(options.suite, results, lab)));
  return problems.length === 0 ? 0 : 1;
}

function report(error) {
  if (error instanceof UsageError) {
    console.error(error.message);
    return;
  }
  let root = error;
  while (root.cause instanceof Error) root = root.cause;
  console.error(
    `The benchmark failed: ${error.message}\n${root.stack
      ?.split("\n")
      .filter((line) => line.startsWith("    at "))
      .join("\n")}`,
  );
}

function endOnSignal(lab) {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ]) {
    process.once(signal, () => {
      interrupted = true;
      void lab.close().finally(() => process.exit(code));
    });
  }
}
