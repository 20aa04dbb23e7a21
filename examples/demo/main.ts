import { readArguments, usage, UsageError, type DemoArguments } from "./arguments.js";
import { Demo } from "./demo.js";
import { explain } from "./explain.js";
import { backendVariables } from "./servers.js";
import { formatTable, shortcomings } from "./table.js";

const footnote =
  "Measured just now, by HTTP through the balancer. Requests take 40 to 50 ms, as those do that ask a database;\n" +
  "where instances disagree about a session, the best answer counts.";

/** Somebody asked the demo to end. */
class Interrupted extends Error {}

async function main(): Promise<void> {
  const given = argumentsOrExit();
  if (given === undefined) return;
  const interruption = onInterruption();
  const demo = new Demo(given);
  let code = 1;
  let isUnderWay = true;
  try {
    code = await Promise.race([play(demo, given), interruption]);
    isUnderWay = false;
  } catch (error) {
    // A check that was not finished has not succeeded.
    if (error instanceof Interrupted && !given.check) code = 0;
    if (error instanceof UsageError) complain(error.message);
    else say(error instanceof Interrupted ? "\nEnding." : `\nThe demo failed: ${explain(error)}`);
  }
  const left = await demo.close();
  if (left !== undefined) say(left);
  process.exitCode = code;
  // What was being started or measured must not go on; whatever server it started ends with this process.
  if (isUnderWay) process.exit();
}

/** Starts, measures and prints; for `--check` resolves with the verdict, else never. */
async function play(demo: Demo, given: DemoArguments): Promise<number> {
  await demo.listen();
  if (given.topology !== undefined && backendVariables().length > 0) {
    say(`Not used, because ${given.topology} was asked for: ${backendVariables().join(", ")}`);
  }
  say(given.topology === undefined ? "Starting the instances." : `Starting servers (${given.topology}) and instances.`);
  await demo.start();
  say(`${demo.words}\n`);
  if (given.trials) await measure(demo);
  if (given.check) return verdict(demo);
  say(`${demo.origin} shows all of it, with users at work and buttons to stop instances and kill servers.`);
  say("Ctrl-C ends the demo and everything that it started.");
  return new Promise(() => undefined);
}

async function measure(demo: Demo): Promise<void> {
  await demo.measure((title) => say(`measuring: ${title}`));
  say(`\n${formatTable(demo.rows, { usual: "usual", ours: "express-fleet" })}\n`);
  say(`usual:         ${demo.columns.usual}\nexpress-fleet: ${demo.columns.ours}`);
  say(`${footnote}\n`);
}

function verdict(demo: Demo): number {
  const reasons = shortcomings(demo.rows);
  if (reasons.length === 0) {
    say("Check: passed.");
    return 0;
  }
  say(`Check: FAILED\n${reasons.join("\n")}`);
  return 1;
}

function argumentsOrExit(): DemoArguments | undefined {
  try {
    const given = readArguments(process.argv.slice(2), process.env["PORT"]);
    if (!given.help) return given;
    say(usage);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(`${error.message}\n\n${usage}`);
    process.exitCode = 2;
  }
  return undefined;
}

/**
 * Rejects with `Interrupted` at the first signal; one that comes more than a second later ends the process at once.
 * A signal to a whole group reaches us twice within that: by itself, and handed on by the process that started us.
 */
function onInterruption(): Promise<never> {
  return new Promise((_, reject) => {
    let first: number | undefined;
    const interrupt = (): void => {
      first ??= performance.now();
      if (performance.now() - first > 1_000) process.exit(130);
      reject(new Interrupted());
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

// Whoever reads our output may stop reading; what we started must still be ended in order.
process.stdout.on("error", () => undefined);
await main();
