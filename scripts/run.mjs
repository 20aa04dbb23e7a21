// Builds the package and its tools, then runs one main with the arguments that follow: node scripts/run.mjs <main> [...]
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build, buildTools } from "./build.mjs";
import { root, runNode } from "./support/run-bin.mjs";

const [main, ...args] = process.argv.slice(2);
if (main === undefined) {
  console.error("usage: node scripts/run.mjs <main> [arguments]");
  process.exit(2);
}

let code = await build();
if (code === 0) code = await buildTools();
if (code === 0 && !existsSync(join(root, main))) {
  console.error(`${main} is not there after the build`);
  code = 2;
}
process.exitCode = code === 0 ? await runNode(join(root, main), args) : code;
