import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json, whatever the current one is. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The script behind a tool's command; started by Node itself, because `.cmd` shims differ between systems. */
export function binOf(packageName, command = packageName.split("/").at(-1)) {
  const folder = join(root, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[command]);
}

/**
 * Runs a Node script with the output on this terminal and resolves to its exit code; a signal counts as 1.
 *
 * Ctrl-C reaches the child by itself (same terminal); we only wait for it, so that it can stop what it started.
 */
export function runNode(script, args = [], options = {}) {
  return runCommand(process.execPath, [script, ...args], options);
}

/** The same for any command that is no shim. */
export function runCommand(command, args = [], options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options });
    const wait = () => {};
    // A supervisor signals only us: hand it on.
    const handOn = () => child.kill("SIGTERM");
    process.on("SIGINT", wait);
    process.on("SIGTERM", handOn);
    const done = () => {
      process.off("SIGINT", wait);
      process.off("SIGTERM", handOn);
    };
    child.once("error", (error) => {
      done();
      reject(error);
    });
    child.once("exit", (code) => {
      done();
      resolve(code ?? 1);
    });
  });
}

/** Runs a Node script in silence; resolves to its exit code and all that it printed. */
export function captureNode(script, args = [], options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      ...options,
    });
    let output = "";
    const keep = (chunk) => (output += chunk);
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
