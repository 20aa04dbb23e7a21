import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { nearestName } from "../core/nearest-name.js";
import { type RoomName, roomNames } from "./backend-config.js";
import { namesAddress } from "./backend-option.js";
import { type FileContent, readFileText } from "./file-text.js";
import { inFile, type NamedFile } from "./option-place.js";
import type { FleetConfigOptions } from "./options.js";
import { isRecord, printableSetting } from "./node-entry.js";
import { optionNames, readOptions } from "./own-options.js";
import type { Report } from "./problems.js";
import { variable } from "./scalars.js";
import { readConfigFile, type Environment, type ReadFile } from "./secret.js";
import { type Layer, Settings } from "./settings.js";
import { springName } from "./spring-names.js";
import { isTyk } from "./tyk-names.js";
import { loadYaml, type LoadYaml } from "./yaml.js";

/** A configuration file, read but not yet understood; its name is without the folders. */
export interface ConfigFile extends FileContent, NamedFile {}

interface FileSources {
  readonly options: FleetConfigOptions;
  readonly env: Environment;
  readonly readFile?: ReadFile;
  readonly loadYaml?: LoadYaml;
}

/** Reads the file that `config` in code, or else `FLEET_CONFIG`, names; none is `undefined`, and one that is of no use is reported. */
export function openConfigFile(sources: FileSources, report: Report): ConfigFile | "unreadable" | undefined {
  const { options, env } = sources;
  const named: unknown = (options as Partial<FleetConfigOptions> | null)?.config;
  const given = variable(env, "FLEET_CONFIG");
  if (named !== undefined && (typeof named !== "string" || named === "")) {
    report.problem("ERR_FLEET_CONFIG_TYPE", "config must be the path of a file", 'config: "./tyk.conf"');
    return "unreadable";
  }
  if (named !== undefined && given !== undefined)
    report.notice("INFO_FLEET_OVERRIDDEN", "not used, because config in code names the file: FLEET_CONFIG");
  const path = named ?? given;
  if (path === undefined) return undefined;
  const readFile = sources.readFile ?? ((file: string) => readFileSync(file, "utf8"));
  const where = named === undefined ? "FLEET_CONFIG" : "config";
  const text = report.attempt(() => readConfigFile(path, readFile, where));
  if (text === undefined) return "unreadable";
  const name = basename(path);
  const content = readFileText(text, name, sources.loadYaml ?? loadYaml, report);
  if (content === undefined) return "unreadable";
  const file = { name, ...content };
  if (ownNames(file).length > 0 || isForeign(file)) return file;
  report.problem(
    "ERR_FLEET_CONFIG_DIALECT",
    `${name} has nothing that is read here; looked for: ${optionNames.join(", ")}; Tyk's storage, analytics_storage_config, redis_addrs; Spring's spring.redis.*, spring.data.redis.*, redis.enabled`,
    "name the file that has your Redis in it",
  );
  return "unreadable";
}

/** Reads our own names in a file; its backend is left aside where one of the stronger sources names another. */
export function readOwnNames(
  file: ConfigFile | "unreadable" | undefined,
  stronger: readonly Layer[],
  report: Report,
): Layer {
  if (file === undefined) return { settings: new Settings(), namesBackend: false };
  // A broken file may have named the backend, so nothing is assumed in its place.
  if (file === "unreadable") return { settings: new Settings(), namesBackend: true };
  const options = isForeign(file)
    ? Object.fromEntries(ownNames(file).map((name) => [name, file.tree[name]]))
    : { ...file.tree };
  yieldTo(stronger, options, "backend", file.name, report);
  if (isRecord(options["backends"])) {
    const backends = { ...options["backends"] };
    for (const room of roomNames) {
      const named = stronger.flatMap((layer) => layer.rooms?.get(room) ?? []);
      yieldTo(named, backends, room, file.name, report);
    }
    options["backends"] = backends;
  }
  if (Object.hasOwn(options, "config")) {
    delete options["config"];
    report.problem(
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      `config is not read in a file, and ${file.name} has it`,
      "name one file in FLEET_CONFIG",
    );
  }
  if (file.textOnly) refuseLines(options, file.name, report);
  return readOptions((file.textOnly ? typed(options) : options) as FleetConfigOptions, [], inFile(file), report);
}

/** Takes a backend out when a stronger source names it; settings without an address stay. */
function yieldTo(
  stronger: readonly Layer[],
  options: Record<string, unknown>,
  name: "backend" | RoomName,
  file: string,
  report: Report,
): void {
  const rival = stronger.find((layer) => layer.namesBackend);
  if (rival === undefined || options[name] === undefined || !namesAddress(options[name])) return;
  delete options[name];
  const by = rival.target === undefined ? "" : `, because ${rival.target.origin.name} names the backend`;
  const path = name === "backend" ? name : `backends.${name}`;
  report.notice("INFO_FLEET_OVERRIDDEN", `not used${by}: ${path} in ${file}`);
}

/** Takes out what is no name of ours; a line that is none may be the rest of a secret, so it is shown only when one of ours is near. */
function refuseLines(options: Record<string, unknown>, file: string, report: Report): void {
  for (const name of Object.keys(options)) {
    if ((optionNames as readonly string[]).includes(name)) continue;
    delete options[name];
    const nearest = nearestName(name, optionNames);
    report.problem(
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      nearest === undefined
        ? `${file} has lines whose names are not read there`
        : `${file} has ${printableSetting(name)}, which is not read there; did you mean ${nearest}?`,
      `known: ${optionNames.join(", ")}`,
    );
  }
}

function ownNames(file: Pick<ConfigFile, "tree">): readonly string[] {
  return optionNames.filter((name) => Object.hasOwn(file.tree, name));
}

function isForeign(file: Pick<ConfigFile, "tree" | "properties">): boolean {
  return isTyk(file.tree) || [...file.properties.keys()].some((path) => springName(path) !== undefined);
}

const switches = new Set(["tls", "rejectUnauthorized", "allowInsecureTls"]);

/** Gives the texts of `.properties` the type that our options have. */
function typed(tree: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => {
      if (typeof value === "object" && value !== null && !Array.isArray(value))
        return [name, typed(value as Record<string, unknown>)];
      if (switches.has(name) && (value === "true" || value === "false")) return [name, value === "true"];
      if (name === "maxPending" && typeof value === "string" && /^\d{1,15}$/.test(value)) return [name, Number(value)];
      if (name === "nodes" && typeof value === "string") return [name, value.split(",").map((node) => node.trim())];
      return [name, value];
    }),
  );
}
