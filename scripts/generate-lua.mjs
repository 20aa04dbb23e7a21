// Writes src/<room>/lua/scripts.generated.ts from the .lua files beside it; --check only compares and fails on drift.
// `--root <folder>` works on another tree than this repository.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkScript } from "./lua/check-script.mjs";
import { emitModule } from "./lua/emit.mjs";
import { loadRooms } from "./lua/load.mjs";
import { LuaProblem } from "./lua/tokens.mjs";
import { root as repository } from "./support/run-bin.mjs";

const { values } = parseArgs({
  options: { check: { type: "boolean", default: false }, root: { type: "string", default: repository } },
});
const root = resolve(values.root);

try {
  const stale = loadRooms(root).filter((room) => !isCurrent(room));
  for (const { path } of stale.map(describe))
    console.error(`${path} ${values.check ? "is not what its .lua files give; run `npm run generate`" : "written"}`);
  if (values.check && stale.length > 0) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof LuaProblem)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function describe({ folder }) {
  return { path: relative(root, join(folder, "scripts.generated.ts")) };
}

/** Whether the module on disk is the one that the scripts give; when writing, makes it so. */
function isCurrent(room) {
  for (const script of room.scripts) checkScript(script);
  const path = join(room.folder, "scripts.generated.ts");
  const found = existsSync(path) ? readFileSync(path, "utf8").replaceAll("\r\n", "\n") : undefined;
  const expected = room.scripts.length === 0 ? undefined : emitModule(room);
  if (found === expected) return true;
  if (!values.check && expected === undefined) rmSync(path);
  else if (!values.check) writeFileSync(path, expected);
  return false;
}
