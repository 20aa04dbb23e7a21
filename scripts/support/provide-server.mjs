import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const installer = join(dirname(fileURLToPath(import.meta.url)), "install-redis.mjs");

/**
 * Resolves to the path of a server, installing one where that may be done unasked; rejects with what to run otherwise.
 *
 * `findServer` is the one that the tests themselves use, so both always mean the same server.
 */
export async function provideServer(findServer) {
  try {
    return (await findServer()).path;
  } catch (error) {
    // A server that was named and is wrong is for its owner to mend; another one would hide the mistake.
    if (process.env.REDIS_SERVER_BIN || !install())
      throw new Error(`${error.message}\nRun: ${installLine()}`, { cause: error });
    return (await findServer()).path;
  }
}

/** Installs as root, or in CI, with apt or apk, saying so first; false when this machine is none of these. */
function install() {
  const isRoot = process.getuid?.() === 0;
  const manager = ["apt-get", "apk"].find(isInstalled);
  if (manager === undefined || (!isRoot && !process.env.CI)) return false;
  const [command, ...args] = [...(isRoot ? [] : ["sudo", "-n"]), process.execPath, installer, manager];
  console.log(
    `No Redis server found: installing one with ${manager} (${isRoot ? "running as root" : "CI is set"}); its service is not started.`,
  );
  return spawnSync(command, args, { stdio: "inherit" }).status === 0;
}

function installLine() {
  if (process.platform === "darwin") return "brew install redis";
  if (isInstalled("apt-get")) return "sudo apt-get install -y redis-server";
  if (isInstalled("dnf")) return "sudo dnf install -y valkey";
  return "REDIS_SERVER_BIN=<path of a redis-server or valkey-server> npm test";
}

function isInstalled(command) {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;
}
