import { ConfigError } from "../../../src/core/errors.js";
import type { FleetConfig, RedisBackendConfig } from "../../../src/config/backend-config.js";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { resolveConfig, type ResolveInput } from "../../../src/config/resolve.js";

export type Env = Record<string, string | undefined>;

/** Resolves with a host and a process that never change; no file exists unless `files` has it. */
export function resolve(
  env: Env,
  options: FleetConfigOptions = {},
  more: Partial<ResolveInput> & { readonly files?: Readonly<Record<string, string>> } = {},
): FleetConfig {
  const { files = {}, ...input } = more;
  return resolveConfig({ options, env, hostname: "web-1", pid: 42, readFile: reader(files), ...input });
}

/** Resolves a Redis backend. */
export function redis(
  env: Env,
  options: FleetConfigOptions = {},
  more: Parameters<typeof resolve>[2] = {},
): RedisBackendConfig {
  const { backend } = resolve(env, options, more);
  if (backend.kind === "memory") throw new Error("the memory backend was chosen");
  return backend;
}

/** The error that a configuration ends with. */
export function failure(
  env: Env,
  options: FleetConfigOptions = {},
  more: Parameters<typeof resolve>[2] = {},
): ConfigError {
  try {
    resolve(env, options, more);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

/** The codes of all problems, in the order in which they are told. */
export function codes(env: Env, options: FleetConfigOptions = {}, more: Parameters<typeof resolve>[2] = {}): string[] {
  return failure(env, options, more).problems.map((problem) => problem.code);
}

/** The codes of all notices. */
export function notices(
  env: Env,
  options: FleetConfigOptions = {},
  more: Parameters<typeof resolve>[2] = {},
): string[] {
  return resolve(env, options, more).notices.map((notice) => notice.code);
}

/** Every text that a configuration gives to people: problems, or notices. */
export function said(config: FleetConfig | ConfigError): string {
  const entries = config instanceof ConfigError ? config.problems : config.notices;
  const own = config instanceof ConfigError ? [config.message, config.help, config.stack, String(config.cause)] : [];
  return [...entries.flatMap((entry) => [entry.message, entry.help]), ...own].join("\n");
}

function reader(files: Readonly<Record<string, string>>): (path: string) => string {
  return (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: "ENOENT" });
    return text;
  };
}
