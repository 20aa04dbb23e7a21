// Writes both formats of the package to dist/, each with the type of its files in a package.json of its own.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { binOf, captureNode, root } from "./support/run-bin.mjs";

const formats = [
  { folder: "esm", type: "module", options: ["--module", "nodenext"] },
  { folder: "cjs", type: "commonjs", options: ["--module", "commonjs", "--moduleResolution", "bundler"] },
];

/** Builds the package; resolves to the exit code. */
export async function build() {
  const runs = await Promise.all(
    formats.map(async ({ folder, type, options }) => {
      const outDir = join(root, "dist", folder);
      mkdirSync(outDir, { recursive: true });
      const manifest = join(outDir, "package.json");
      writeFileSync(manifest, `${JSON.stringify({ type, sideEffects: false })}\n`);
      return compile(outDir, ["-p", "tsconfig.json", ...options, "--outDir", outDir], [manifest]);
    }),
  );
  // A mistake in the source fails both the same way; once is enough to read.
  return show(runs.find(({ code }) => code !== 0) ?? runs[0]);
}

/** Compiles the examples, the drills and what they stand on to build/, against the package as its users see it. */
export async function buildTools() {
  return show(await compile(join(root, "build"), ["-p", "tsconfig.tools.json"], []));
}

/**
 * Runs the compiler and removes what an earlier run left behind.
 *
 * Files are written over, not removed first: a demo that runs, or another build at the same time, finds them at any moment.
 */
async function compile(outDir, args, others) {
  const { code, output } = await captureNode(binOf("typescript", "tsc"), [...args, "--listEmittedFiles"]);
  const emitted = /^TSFILE: (.*?)\r?\n/gm;
  const kept = new Set([...others, ...[...output.matchAll(emitted)].map((match) => resolve(root, match[1]))]);
  if (existsSync(outDir)) prune(outDir, kept);
  return { code, output: output.replace(emitted, "") };
}

function prune(folder, kept) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) prune(path, kept);
    // Windows may hold a file for a moment after its reader ended.
    else if (!kept.has(path)) rmSync(path, { force: true, maxRetries: 5 });
  }
}

function show({ code, output }) {
  process.stdout.write(output);
  return code;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = await build();
