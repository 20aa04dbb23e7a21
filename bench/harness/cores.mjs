import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Picks one core for the app and one for everything else (load and Redis), of those that this process may use.
 * Both are undefined where processes cannot be pinned; the notes say why.
 */
export function chooseCores() {
  const unpinned = (why) => ({ app: undefined, rest: undefined, notes: [`${why}: nothing was pinned to a core.`] });
  if (process.platform !== "linux") return unpinned(`processes are pinned on Linux only, this is ${process.platform}`);
  if (spawnSync("taskset", ["-cp", String(process.pid)]).status !== 0)
    return unpinned("taskset (util-linux) is missing");
  const [app, rest] = allowedCores();
  if (rest === undefined) return unpinned("two cores are needed and there is one");
  return { app, rest, notes: [] };
}

/** Moves a process with all its threads to a core; what it starts later inherits that. Does nothing without a core. */
export function pin(pid, core) {
  if (core === undefined) return;
  const { status, stderr } = spawnSync("taskset", ["-acp", String(core), String(pid)], { encoding: "utf8" });
  if (status !== 0) throw new Error(`process ${pid} was not pinned to core ${core}: ${stderr.trim()}`);
}

function allowedCores() {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
