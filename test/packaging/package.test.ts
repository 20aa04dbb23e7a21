import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { runNode } from "./run.js";

const { app, tarball } = inject("packaging");
const root = fileURLToPath(new URL("../..", import.meta.url));

const maximumPackages = 30;
const maximumBytes = 8 * 1024 * 1024;

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The folders of a package and of all that it depends on, found as Node finds them; peers belong to the user. */
function closureOf(folder: string, seen: Set<string> = new Set()): ReadonlySet<string> {
  if (seen.has(folder)) return seen;
  seen.add(folder);
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  for (const name of Object.keys(dependencies)) closureOf(resolvePackage(folder, name), seen);
  return seen;
}

function resolvePackage(from: string, name: string): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
  }
  throw new Error(`${name} is not installed for ${from}`);
}

/** What a package's own files take; what is installed inside of it is counted by itself. */
function bytesOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .map((entry) => (entry.isDirectory() ? bytesOf(join(folder, entry.name)) : statSync(join(folder, entry.name)).size))
    .reduce((sum, size) => sum + size, 0);
}

test("an install adds few packages and little weight", () => {
  const folders = [...closureOf(join(app, "node_modules/express-fleet"))];
  expect(folders.length).toBeGreaterThan(1);
  expect(folders.length).toBeLessThanOrEqual(maximumPackages);
  expect(folders.map(bytesOf).reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(maximumBytes);
});

test("the package runs no script when it is installed", () => {
  const manifest = JSON.parse(readFileSync(join(app, "node_modules/express-fleet/package.json"), "utf8")) as {
    scripts: object;
  };
  expect(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
});

test("the tarball holds what is published and nothing else", () => {
  const names = readdirSync(join(app, "node_modules/express-fleet"));
  expect(names.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "dist", "package.json"]);
});

test("its types are right in every resolution", async () => {
  const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  const { code, output } = await runNode(app, attw, tarball, "--no-emoji", "--no-color", "--format", "ascii");
  expect(output).toContain("No problems found");
  expect(code).toBe(0);
});

test("publint has nothing to say", async () => {
  const publint = join(root, "node_modules/publint/src/cli.js");
  const { code, output } = await runNode(app, publint, "run", "--strict", "--level", "warning", tarball);
  expect(output).toContain("All good!");
  expect(code).toBe(0);
});
