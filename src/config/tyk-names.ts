import { suggestion } from "../core/nearest-name.js";
import type { Origin } from "./backend-config.js";
import { type Entries, EntryCollector, normalizeName } from "./dialect-fields.js";
import type { ConfigFile } from "./config-file.js";
import { isRecord, printableSetting } from "./node-entry.js";
import { type NamedFile, originIn } from "./option-place.js";
import type { Report } from "./problems.js";
import { variable } from "./scalars.js";
import type { Environment } from "./secret.js";

/** The settings of one component's Redis, by their names in files; variables leave the separators out. */
const fields: Readonly<Record<string, readonly string[]>> = {
  type: ["type"],
  cluster: ["enable_cluster"],
  addrs: ["addrs"],
  hosts: ["hosts"],
  host: ["host"],
  port: ["port"],
  masterName: ["master_name"],
  sentinelPassword: ["sentinel_password"],
  username: ["username"],
  password: ["password"],
  database: ["database"],
  maxIdle: ["optimisation_max_idle", "max_idle"],
  maxActive: ["optimisation_max_active", "max_active"],
  timeout: ["timeout"],
  tls: ["use_ssl"],
  insecure: ["ssl_insecure_skip_verify"],
  caFile: ["ca_file"],
  certFile: ["cert_file"],
  keyFile: ["key_file"],
  minVersion: ["tls_min_version", "min_version"],
  maxVersion: ["tls_max_version", "max_version"],
  iam: ["iam_auth", "iam_auth_enabled"],
};
const fieldNames = Object.values(fields).flat();
const byName = new Map(
  Object.entries(fields).flatMap(([field, names]) => names.map((name) => [normalizeName(name), field] as const)),
);

/** One of Tyk's programs: where its file and its variables have Redis. */
interface Component {
  readonly path: readonly string[];
  /** In the dashboard's file the settings stand at the top, behind this. */
  readonly keyPrefix?: string;
  readonly variables: RegExp;
}

const components: readonly Component[] = [
  { path: ["storage"], variables: /^TYK_GW_STORAGE_(.+)$/ },
  { path: ["analytics_storage_config"], variables: /^TYK_PMP_ANALYTICSSTORAGECONFIG_(.+)$/ },
  { path: [], keyPrefix: "redis_", variables: /^TYK_DB_(?:REDIS_?(.+)|(ENABLECLUSTER))$/ },
  { path: ["BackEnd", "IdentityBackendSettings"], variables: /^TYK_IB_BACKEND_IDENTITYBACKENDSETTINGS_(.+)$/ },
];

/** The variables by which this dialect names a backend. */
export const tykBackendVariables = ["TYK_GW_STORAGE_ADDRS"] as const;

/** What each of Tyk's programs is given, its variables before its file, as it reads them itself. */
export function collectTyk(env: Environment, file: ConfigFile | undefined, report: Report): readonly Entries[] {
  if (variable(env, "REDIGOCLUSTER_SHARDCOUNT") !== undefined)
    report.notice("INFO_FLEET_IGNORED", "REDIGOCLUSTER_SHARDCOUNT means nothing here");
  return components
    .map((component) => {
      const fromFile = new EntryCollector();
      const place = file === undefined ? undefined : placeOf(file.tree, component);
      if (file !== undefined && place !== undefined) collectObject(place, component, file, fromFile, report);
      const fromVariables = new EntryCollector();
      for (const name of Object.keys(env).sort()) {
        const [, own, shared] = component.variables.exec(name) ?? [];
        const suffix = own ?? shared;
        if (suffix !== undefined && variable(env, name) !== undefined)
          collect(suffix, env[name], { origin: "env", name }, fromVariables, report);
      }
      return new Map([...fromFile.entries, ...fromVariables.entries]);
    })
    .filter((entries) => entries.size > 0);
}

/** Whether a file is one of Tyk's. */
export function isTyk(tree: Readonly<Record<string, unknown>>): boolean {
  return components.some((component) => {
    const place = placeOf(tree, component);
    return place !== undefined && Object.keys(place).some((name) => fieldOf(name, component) !== undefined);
  });
}

function placeOf(
  tree: Readonly<Record<string, unknown>>,
  { path }: Component,
): Readonly<Record<string, unknown>> | undefined {
  let place = tree;
  for (const name of path) {
    const inside = Object.hasOwn(place, name) ? place[name] : undefined;
    if (!isRecord(inside)) return undefined;
    place = inside;
  }
  return place;
}

function fieldOf(name: string, { keyPrefix = "" }: Component): string | undefined {
  return name.startsWith(keyPrefix) ? byName.get(normalizeName(name.slice(keyPrefix.length))) : undefined;
}

function collectObject(
  place: Readonly<Record<string, unknown>>,
  component: Component,
  file: NamedFile,
  into: EntryCollector,
  report: Report,
): void {
  const { keyPrefix = "", path } = component;
  const isOwn = keyPrefix === "" || Object.keys(place).some((name) => fieldOf(name, component) !== undefined);
  if (!isOwn) return;
  for (const [name, value] of Object.entries(place)) {
    const shown = /^[A-Za-z_]\w{0,39}$/.test(name) ? name : "a name that is not printed here";
    const origin = originIn(file, [...path, name].join("."), [...path, shown].join("."));
    if (name.startsWith(keyPrefix)) collect(name.slice(keyPrefix.length), value, origin, into, report);
    else if (name === "enable_cluster") collect(name, value, origin, into, report);
  }
}

function collect(name: string, value: unknown, origin: Origin, into: EntryCollector, report: Report): void {
  const normalized = normalizeName(name);
  const field = byName.get(normalized);
  if (field !== undefined) {
    into.add(field, value, origin, report);
    return;
  }
  if (/^compress|^maxdecompressedsize$|^iamauth/.test(normalized)) {
    if (value !== undefined && value !== null && value !== "")
      report.notice("INFO_FLEET_IGNORED", `${origin.name} means nothing here`);
    return;
  }
  const shown = origin.origin === "env" || printableSetting(name) === JSON.stringify(name);
  const where = shown ? origin.name : "a name that is not printed here";
  report.notice("WARN_FLEET_UNKNOWN_OPTION", `${where} is no setting of Tyk's Redis${suggestion(name, fieldNames)}`);
}
