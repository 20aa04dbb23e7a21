import { spawn, type ChildProcess } from "node:child_process";

/**
 * Runs in a process of its own that learns by the end of its standard input that its parent is gone,
 * then ends the processes that the parent started and removes their folders.
 * A signal handler in the parent could not do that: SIGKILL has none, and the demo needs the others for itself.
 */
const program = `
const { rmSync } = require("node:fs");
const guarded = new Map();
let text = "";
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (text + chunk).split("\\n");
  text = lines.pop();
  for (const line of lines) {
    const [key, pid, directory] = JSON.parse(line);
    if (pid === undefined) guarded.delete(key);
    else guarded.set(key, { pid, directory });
  }
});
process.stdin.on("end", () => {
  for (const { pid } of guarded.values()) {
    if (pid === 0) continue;
    try { process.kill(-pid, "SIGKILL"); } catch { try { process.kill(pid, "SIGKILL"); } catch {} }
  }
  for (const { directory } of guarded.values()) {
    try { if (directory) rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }); } catch {}
  }
});
`;

let guardian: ChildProcess | undefined;

/** Has a process (0: none at present) ended with the group that it leads, and a folder removed, when this process is gone, however that comes. */
export function guard(key: string, pid: number, directory?: string): void {
  tell(directory === undefined ? [key, pid] : [key, pid, directory]);
}

/** Forgets what was guarded under a key, because it is gone. */
export function unguard(key: string): void {
  tell([key]);
}

function tell(message: readonly (string | number)[]): void {
  guardian ??= startGuardian();
  guardian.stdin?.write(`${JSON.stringify(message)}\n`);
}

function startGuardian(): ChildProcess {
  const child = spawn(process.execPath, ["-e", program], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
  });
  // Neither the process nor the pipe to it may keep this process alive.
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}
