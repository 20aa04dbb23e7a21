// npm run check: everything that can be said without running the code. All checks run; the last line names those that failed.
import { join } from "node:path";
import { build } from "./build.mjs";
import { luacheck } from "./lua/luacheck.mjs";
import { LuaProblem } from "./lua/tokens.mjs";
import { binOf, root, runNode } from "./support/run-bin.mjs";

const tsc = (config) => runNode(binOf("typescript", "tsc"), ["--noEmit", "-p", config]);

const checks = {
  "generated Lua modules": () => runNode(join(root, "scripts/generate-lua.mjs"), ["--check"]),
  luacheck: checkLua,
  // The package's own types come first: tools and tests see it as its users do.
  build,
  "types of the tools": () => tsc("tsconfig.tools.json"),
  "types of the tests": () => tsc("tsconfig.test.json"),
  oxlint: () => runNode(binOf("oxlint"), ["--deny-warnings"]),
  "oxfmt (npm run format)": () => runNode(binOf("oxfmt"), ["--check"]),
  publint: () => runNode(binOf("publint"), ["run", "--strict"]),
};

const failed = [];
for (const [name, check] of Object.entries(checks)) {
  console.log(`- ${name}`);
  if ((await check()) !== 0) failed.push(name);
}
console.log(failed.length === 0 ? "all checks passed" : `failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function checkLua() {
  try {
    const problems = luacheck(root);
    if (problems === undefined) return explainAbsence();
    for (const problem of problems) console.error(problem);
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof LuaProblem)) throw error;
    console.error(error.message);
    return 1;
  }
}

function explainAbsence() {
  const isRequired = Boolean(process.env.CI);
  console.error(
    `luacheck is not installed${isRequired ? "" : "; it is only required in CI"} (Debian: apt-get install lua-check; macOS: brew install luacheck)`,
  );
  return isRequired ? 1 : 0;
}
