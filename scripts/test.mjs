// npm test: builds, finds a Redis server, runs every test and the demo's check, and ends with the line `N passed, N failed`.
// Arguments go to vitest: `npm test -- sessions`, `npm test -- --project unit`.
// `--fixture <folder>` only runs vitest over another project; it is how this runner is tested.
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build, buildTools } from "./build.mjs";
import { provideServer } from "./support/provide-server.mjs";
import { root, runNode } from "./support/run-bin.mjs";
import { runVitest } from "./support/run-vitest.mjs";

const projectsWithoutServer = new Set(["memory", "express", "packaging"]);
const args = process.argv.slice(2);
const { passed, failed, notes } =
  args[0] === "--fixture" ? await runVitest(resolve(args[1]), args.slice(2)) : await testAll();
for (const note of notes) console.log(note);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function testAll() {
  if ((await build()) !== 0 || (await buildTools()) !== 0) return { passed: 0, failed: 1, notes: ["the build failed"] };
  const env = {};
  try {
    if (needsServer()) {
      const { findServer } = await import(pathToFileURL(join(root, "build/test/support/servers/find-server.js")).href);
      env.REDIS_SERVER_BIN = await provideServer(findServer);
    }
  } catch (error) {
    return { passed: 0, failed: 1, notes: [error.message] };
  }
  const counts = await runVitest(root, args, env);
  // With a filter only what it names is wanted.
  if (args.length > 0) return counts;
  counts.notes.push(...(await leftOut()));
  console.log("\nnpm run demo -- --check");
  const isGood = (await runNode(join(root, "build/examples/demo/main.js"), ["--check"])) === 0;
  return isGood
    ? { ...counts, passed: counts.passed + 1 }
    : { ...counts, failed: counts.failed + 1, notes: [...counts.notes, "the demo's check failed"] };
}

/** A browser is large, and only the demo's page needs one: it is never installed unasked. */
async function leftOut() {
  const { findChromium } = await import(pathToFileURL(join(root, "build/test/support/browser/find-chromium.js")).href);
  if (findChromium() !== undefined) return [];
  return [
    "left out: the demo's page in a browser, for there is no Chromium (Debian: apt-get install chromium; or CHROMIUM_BIN=<path>)",
  ];
}

function needsServer() {
  const projects = args.flatMap((arg, index) => {
    if (arg.startsWith("--project=")) return [arg.slice("--project=".length)];
    return args[index - 1] === "--project" ? [arg] : [];
  });
  return projects.length === 0 || projects.some((name) => !projectsWithoutServer.has(name));
}
