import { execFile } from "node:child_process";
import { mkdtemp, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "../../..");

/** Compiles modules of test/support into a new folder, as the drills and the demo use them, and returns that folder. */
export async function compileSupport(modules: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "express-fleet-compiled-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      rootDir: join(root, "test/support"),
      outDir: folder,
      declaration: false,
      isolatedDeclarations: false,
    },
    files: modules.map((module) => join(root, "test/support", module)),
    include: [],
  };
  const project = join(folder, "tsconfig.json");
  await writeFile(project, JSON.stringify(settings));
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  await promisify(execFile)(process.execPath, [compiler, "-p", project]);
  return folder;
}
