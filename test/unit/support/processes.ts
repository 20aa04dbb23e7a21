import { existsSync } from "node:fs";

/** Whether a process with this id exists. */
export function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Which of the processes and folders are still there. */
export function leftovers(pids: readonly (number | undefined)[], folders: readonly string[]): (number | string)[] {
  return [...pids.filter((pid): pid is number => isRunning(pid)), ...folders.filter((folder) => existsSync(folder))];
}
