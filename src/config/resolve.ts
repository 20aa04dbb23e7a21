import { readFileSync } from "node:fs";
import { ConfigError } from "../core/errors.js";
import type { BackendConfig, FleetConfig, MemoryBackendConfig } from "./backend-config.js";
import { backendVariables } from "./botpress.js";
import { readNative } from "./environment.js";
import { openConfigFile, readOwnNames } from "./config-file.js";
import { readDialects } from "./dialects.js";
import { Merge } from "./merge.js";
import { inCode } from "./option-place.js";
import type { FleetConfigOptions } from "./options.js";
import { readOptions } from "./own-options.js";
import { Report } from "./problems.js";
import { buildRedisBackend } from "./redis-backend.js";
import { defaultInstance } from "./scalars.js";
import type { Environment, ReadFile } from "./secret.js";
import { type Layer, Settings, type Target } from "./settings.js";
import { springBackendVariables } from "./spring-names.js";
import { tykBackendVariables } from "./tyk-names.js";
import type { LoadYaml } from "./yaml.js";

/** What a fleet is configured from. */
export interface ResolveInput {
  readonly options: FleetConfigOptions;
  readonly env: Environment;
  readonly hostname: string;
  readonly pid: number;
  /** Default reads the file system. */
  readonly readFile?: ReadFile;
  /** Names of further options in `options`, which are read elsewhere. */
  readonly otherOptions?: readonly string[];
  /** `cluster.isWorker` of `node:cluster`: Node removes the variable that tells it before an app starts. */
  readonly clusterWorker?: boolean;
  /** Milliseconds since 1970; default the clock's. */
  readonly now?: number;
  /** Default loads the app's own package `yaml`, once a YAML file is named. */
  readonly loadYaml?: LoadYaml;
}

/**
 * Puts the configuration of a fleet together from code, `FLEET_*` variables, our names in a file, and the dialects of
 * Botpress, Tyk and Spring, in this order of strength, and says of every value where it came from.
 *
 * Throws `ConfigError` with every problem found, each with its place and its mending; no message holds a secret. It reads
 * no more than the given environment, the file that `config` or `FLEET_CONFIG` names and the files that the result names, and connects nowhere.
 */
export function resolveConfig(input: ResolveInput): FleetConfig {
  const report = new Report();
  const { env } = input;
  const code = readOptions(input.options, ["config", ...(input.otherOptions ?? [])], inCode, report);
  const native = readNative(env, code.namesBackend, report);
  const file = openConfigFile(input, report);
  const own = readOwnNames(file, [code, native], report);
  const stronger = [code, native, own];
  const dialects = readDialects({ env, file: file === "unreadable" ? undefined : file, stronger, report });
  noticeOverridden(env, code, report);
  const layers = [...stronger, dialects];
  const named = layers.find((layer) => layer.target !== undefined)?.target;
  const target = named ?? defaultTarget(env, layers, report);
  const merge = new Merge(layers, target);
  const backend = target === undefined ? undefined : buildBackend(target, merge, input, report);
  const config = {
    namespace: merge.takeOr("namespace", "fleet"),
    instance: merge.takeOr("instance", defaultInstance(input.hostname, input.pid), "host name and process id"),
  };
  const externalUrl = merge.take("externalUrl");
  if (report.problems.length > 0 || backend === undefined) throw new ConfigError(report.problems);
  return {
    backend,
    ...config,
    ...(externalUrl === undefined ? {} : { externalUrl: externalUrl.value }),
    provenance: merge.provenance,
    notices: report.notices,
  };
}

function buildBackend(target: Target, merge: Merge, input: ResolveInput, report: Report): BackendConfig | undefined {
  const { env } = input;
  const inProduction = env["NODE_ENV"] === "production";
  if (target.backend.kind === "memory") return buildMemory(target, target.backend.name, merge, input, report);
  const readFile = input.readFile ?? ((path: string) => readFileSync(path, "utf8"));
  const backend = buildRedisBackend({ target, merge, env, readFile, report, now: input.now ?? Date.now() });
  if (backend?.kind === "single" && inProduction) {
    report.notice(
      "WARN_FLEET_SINGLE_IN_PRODUCTION",
      `${target.origin.name} is a single Redis: unless something replaces it, the fleet's memory is away while it is down`,
      "redis+sentinel://host1:26379,host2:26379,host3:26379/name, or redis+cluster://host1:6379",
    );
  }
  return backend;
}

function buildMemory(
  target: Target,
  name: string | undefined,
  merge: Merge,
  input: ResolveInput,
  report: Report,
): MemoryBackendConfig {
  const { env } = input;
  const { origin } = target;
  merge.provenance["backend.kind"] = origin;
  if (name !== undefined) merge.provenance["backend.name"] = { ...origin, name: `${origin.name}.memory` };
  const production = env["NODE_ENV"] === "production";
  if (origin.origin === "default" || production) {
    report.notice(
      "WARN_FLEET_MEMORY",
      `the memory backend is used${origin.origin === "default" ? ", because no backend is named" : " in production"}: other processes do not share it, and it is lost when this one ends`,
      'FLEET_BACKEND=redis://host:6379, or backend: "memory" in code to say that it is meant',
    );
  }
  const worker = input.clusterWorker === true || Boolean(env["NODE_UNIQUE_ID"]);
  if (worker || Boolean(env["NODE_APP_INSTANCE"])) {
    report.notice(
      "WARN_FLEET_MEMORY_MULTIPROCESS",
      `the memory backend is private to each process, and this is one of several on its host (${worker ? "a worker of node:cluster" : "NODE_APP_INSTANCE is set"})`,
      "FLEET_BACKEND=redis://host:6379",
    );
  }
  const unused = merge.names(isOfConnection);
  if (unused.length > 0) {
    report.notice(
      "WARN_FLEET_REDIS_UNUSED",
      `the memory backend is used, and nothing uses ${unused.join(", ")}`,
      "FLEET_BACKEND=redis://host:6379",
    );
  }
  return { kind: "memory", ...(name === undefined ? {} : { name }) };
}

function isOfConnection(path: string): boolean {
  return path.startsWith("backend.") && !path.startsWith("backend.timeouts.") && path !== "backend.maxPending";
}

/** Memory, outside production and when nobody tried to name a backend; a mistake is never answered with a default. */
function defaultTarget(env: Environment, layers: readonly Layer[], report: Report): Target | undefined {
  if (layers.some((layer) => layer.namesBackend)) return undefined;
  if (env["NODE_ENV"] !== "production") {
    return { backend: { kind: "memory" }, origin: { origin: "default", name: "default" }, carried: new Settings() };
  }
  report.problem(
    "ERR_FLEET_BACKEND_REQUIRED",
    `no backend is named, and in production (NODE_ENV=production) none is assumed; looked for: backend in code, ${["FLEET_BACKEND", ...backendVariables, "FLEET_CONFIG", ...tykBackendVariables, ...springBackendVariables].join(", ")}`,
    "FLEET_BACKEND=redis://host:6379; in a shell the variable must stand on the line of the command or be exported",
  );
  return undefined;
}

function noticeOverridden(env: Environment, code: Layer, report: Report): void {
  if (code.target !== undefined && Boolean(env["FLEET_BACKEND"]?.trim())) {
    report.notice(
      "INFO_FLEET_OVERRIDDEN",
      `not used, because ${code.target.origin.name} in code names the backend: FLEET_BACKEND`,
    );
  }
}
