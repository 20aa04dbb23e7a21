// Installs a Redis server as root, without letting the package start its service: node install-redis.mjs apt-get|apk
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";

const policy = "/usr/sbin/policy-rc.d";

function run(command, ...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  return spawnSync(command, args, { stdio: "inherit", env }).status === 0;
}

/** Debian asks this file before it starts a service; 101 says no. One that is already there has an owner and stays. */
function withoutServices(install) {
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return install();
  } finally {
    if (isOurs) rmSync(policy);
  }
}

const done =
  process.argv[2] === "apk"
    ? run("apk", "add", "--no-cache", "redis")
    : run("apt-get", "update") &&
      withoutServices(() => run("apt-get", "install", "-y", "--no-install-recommends", "redis-server"));
process.exitCode = done ? 0 : 1;
