import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));
const lockFile = new URL("../package-lock.json", import.meta.url);
const stampFile = new URL("../node_modules/.express-fleet-bench", import.meta.url);

/** Installs the peers into bench/node_modules when they are missing or not those of the lock file. */
export async function installPeers() {
  const wanted = createHash("sha256").update(readFileSync(lockFile)).digest("hex");
  if (readStamp() === wanted) return;
  process.stderr.write("Installing the packages to compare with into bench/node_modules (npm ci) ...\n");
  const code = await npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (code !== 0) throw new Error(`npm ci in bench/ ended with code ${code}; its output above says why`);
  writeFileSync(stampFile, wanted);
}

/** The peers and their exact versions, as `name version`. */
export function peerVersions() {
  const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return Object.entries(dependencies)
    .filter(([name]) => name !== "express-fleet")
    .map(([name, version]) => `${name} ${version.replace(/^npm:.*@/, "")}`);
}

function readStamp() {
  try {
    return readFileSync(stampFile, "utf8");
  } catch {
    return undefined;
  }
}

function npm(words) {
  const script = process.env.npm_execpath;
  // Under `npm run` npm names its own script; started by hand, npm is found on the PATH (on Windows that is a shell's task).
  const child =
    script !== undefined && basename(script) === "npm-cli.js"
      ? spawn(process.execPath, [script, ...words], { cwd: folder, stdio: ["ignore", 2, 2] })
      : spawn("npm", words, { cwd: folder, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
