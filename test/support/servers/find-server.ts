import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

/** A server program of this machine. */
export interface ServerProgram {
  readonly path: string;
  readonly product: "redis" | "valkey";
  /** For example "7.0.15". */
  readonly version: string;
  readonly major: number;
  /** The command line client beside it or on the PATH. */
  readonly cli?: string;
}

const oldestMajor = 5;
const installation =
  "Install it (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis; Fedora: dnf install valkey), " +
  "or set REDIS_SERVER_BIN to the path of redis-server or valkey-server.";

/**
 * Finds redis-server or valkey-server: `REDIS_SERVER_BIN` first, then the PATH.
 * Rejects when there is none, when it does not run, or when it is older than 5.0; the message says how to mend it.
 */
export async function findServer(environment: NodeJS.ProcessEnv = process.env): Promise<ServerProgram> {
  const named = environment["REDIS_SERVER_BIN"];
  const path = named ? resolve(named) : await onPath(["redis-server", "valkey-server"], environment);
  if (path === undefined) {
    throw new Error(`Neither redis-server nor valkey-server is on the PATH. ${installation}`);
  }
  if (!(await isExecutable(path))) {
    throw new Error(`REDIS_SERVER_BIN names ${path}, which is not a program. ${installation}`);
  }
  const { product, version } = await versionOf(path);
  const major = Number.parseInt(version, 10);
  if (product === "redis" && major < oldestMajor) {
    throw new Error(`${path} is Redis ${version}; 5.0 or later is needed. ${installation}`);
  }
  const cli = await clientBeside(path, environment);
  return { path, product, version, major, ...(cli === undefined ? {} : { cli }) };
}

/** Whether the server was built with TLS; Redis has it from 6.0 on, and only where whoever built it chose so. */
export async function serverSpeaksTls(): Promise<boolean> {
  const { path } = await findServer();
  // It stops at the first line of the two that it does not understand.
  const refusal = await promisify(execFile)(path, ["--tls-port", "1", "--port", "none"], { timeout: 10_000 }).then(
    () => "",
    (error: { stdout?: string; stderr?: string }) => `${error.stdout}${error.stderr}`,
  );
  return !refusal.includes("'tls-port");
}

async function versionOf(path: string): Promise<Pick<ServerProgram, "product" | "version">> {
  let text: string;
  try {
    text = (await promisify(execFile)(path, ["--version"], { timeout: 10_000 })).stdout;
  } catch (cause) {
    throw new Error(`${path} --version failed: ${(cause as Error).message}. ${installation}`, { cause });
  }
  const version = /\bv=(\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined) {
    throw new Error(`${path} --version printed no server version but ${JSON.stringify(text)}. ${installation}`);
  }
  return { product: /valkey/i.test(text) ? "valkey" : "redis", version };
}

async function clientBeside(server: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const names = server.includes("valkey") ? ["valkey-cli", "redis-cli"] : ["redis-cli", "valkey-cli"];
  for (const name of names) {
    const path = join(dirname(server), name);
    if (await isExecutable(path)) return path;
  }
  return onPath(names, environment);
}

async function onPath(names: readonly string[], environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (await isExecutable(path)) return path;
    }
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
