import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";

/** How a program ended and all that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a Node script in a folder, as somebody would who has nothing of this repository. */
export function runNode(folder: string, script: string, ...args: string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: folder,
      env: userEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}

/** Runs npm, found beside the one that runs us or beside Node; rejects with its output when it fails. */
export async function npm(folder: string, ...args: string[]): Promise<string> {
  const { code, output } = await runNode(folder, npmScript(), ...args);
  if (code !== 0) throw new Error(`npm ${args.join(" ")} ended with ${code}:\n${output}`);
  return output;
}

/** The one that runs us, or the one in PATH; started by Node itself, because `npm` is another kind of file on each system. */
function npmScript(): string {
  const running = process.env["npm_execpath"];
  if (running?.endsWith("npm-cli.js")) return running;
  const folders = (process.env["PATH"] ?? process.env["Path"] ?? "").split(delimiter);
  const candidates = folders.flatMap((folder) => [
    join(folder, "npm"),
    join(folder, "node_modules/npm/bin/npm-cli.js"),
  ]);
  const found = candidates.filter((file) => existsSync(file)).map((file) => realpathSync(file));
  const script = found.find((file) => file.endsWith("npm-cli.js"));
  if (script === undefined) throw new Error("npm is not in PATH");
  return script;
}

/** Without what vitest and npm set for their own children: they would change how a test runner or npm behaves there. */
function userEnvironment(): NodeJS.ProcessEnv {
  const ours =
    /^(VITEST|NODE_ENV$|TEST$|NODE_OPTIONS$|FORCE_COLOR$|FLEET_|REDIS_|npm_(?!config_)|npm_config_local_prefix$)/;
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name))), NO_COLOR: "1" };
}
