import { readFileSync } from "node:fs";
import { ConfigError } from "../core/errors.js";
import type { FleetConfig } from "./backend-config.js";
import { backendVariables } from "./botpress.js";
import { buildBackend } from "./build-backend.js";
import { readNative } from "./environment.js";
import { openConfigFile, readOwnNames } from "./config-file.js";
import { readDialects } from "./dialects.js";
import { Merge } from "./merge.js";
import { inCode } from "./option-place.js";
import type { FleetConfigOptions } from "./options.js";
import { readOptions } from "./own-options.js";
import { Report } from "./problems.js";
import { buildRooms } from "./room-backends.js";
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
  const native = readNative(env, code, report);
  const file = openConfigFile(input, report);
  const own = readOwnNames(file, [code, native], report);
  const stronger = [code, native, own];
  const dialects = readDialects({ env, file: file === "unreadable" ? undefined : file, stronger, report });
  const layers = [...stronger, dialects];
  const named = layers.find((layer) => layer.target !== undefined)?.target;
  const target = named ?? defaultTarget(env, layers, report);
  const parts = {
    env,
    report,
    readFile: input.readFile ?? ((path: string) => readFileSync(path, "utf8")),
    clusterWorker: input.clusterWorker === true,
    now: input.now ?? Date.now(),
  };
  const rooms = buildRooms(layers, parts);
  const merge = new Merge(layers, target);
  const usedElsewhere = new Set(Object.values(rooms.provenance).map((origin) => origin.name));
  const backend = target === undefined ? undefined : buildBackend({ ...parts, target, merge, usedElsewhere });
  const config = {
    namespace: merge.takeOr("namespace", "fleet"),
    instance: merge.takeOr("instance", defaultInstance(input.hostname, input.pid), "host name and process id"),
  };
  const externalUrl = merge.take("externalUrl");
  if (report.problems.length > 0 || backend === undefined) throw new ConfigError(report.problems);
  return {
    backend,
    ...(Object.keys(rooms.backends).length === 0 ? {} : { backends: rooms.backends }),
    ...config,
    ...(externalUrl === undefined ? {} : { externalUrl: externalUrl.value }),
    provenance: { ...merge.provenance, ...rooms.provenance },
    notices: report.notices,
  };
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
