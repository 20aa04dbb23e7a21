import { type Address, addressTarget } from "./address.js";
import type { Origin } from "./backend-config.js";
import type { Report } from "./problems.js";
import { readAddress } from "./redis-address.js";
import { readRedisOptions, type RedisOptionsReading } from "./redis-options.js";
import { readBoolean, readExternalUrl, readKeyPrefix, variable } from "./scalars.js";
import type { Environment } from "./secret.js";
import { type Layer, Settings, type Target } from "./settings.js";

const clusterEnabled: Origin = { origin: "env", name: "CLUSTER_ENABLED" };
const redisUrl: Origin = { origin: "env", name: "REDIS_URL" };
const redisOptions: Origin = { origin: "env", name: "REDIS_OPTIONS" };

/** The variables by which this dialect names a backend. */
export const backendVariables = ["REDIS_URL", "CLUSTER_ENABLED"] as const;

/** What a stronger source already decided, and what another dialect says. */
export interface Decided {
  readonly target?: Target;
  readonly namesBackend: boolean;
  readonly externalUrl: boolean;
  /** Tyk's or Spring's settings say where Redis is, or that it is used. */
  readonly redisElsewhere: boolean;
}

/**
 * Reads the variables of Botpress: `CLUSTER_ENABLED`, `REDIS_URL`, `REDIS_OPTIONS`, `REDIS_SCOPE`, `EXTERNAL_URL`.
 *
 * `REDIS_URL` alone means Redis, as it does on most hosting platforms; `CLUSTER_ENABLED` says whether Redis is used at
 * all and never means Redis Cluster. What a stronger source decided is not read here.
 */
export function readBotpress(env: Environment, decided: Decided, report: Report): Layer {
  const settings = new Settings();
  readScope(env, settings, report);
  const external = decided.externalUrl ? undefined : variable(env, "EXTERNAL_URL");
  const url = external === undefined ? undefined : readExternalUrl(external, "EXTERNAL_URL", report);
  if (url !== undefined) settings.claim("externalUrl", url, { origin: "env", name: "EXTERNAL_URL" }, report);
  noticeIgnored(env, report);
  return decided.namesBackend
    ? readBeside(env, decided.target, settings, report)
    : readBackend(env, settings, decided.redisElsewhere, report);
}

/** The backend is named elsewhere: of `REDIS_OPTIONS` only what is not an address is read, and only for Redis. */
function readBeside(env: Environment, target: Target | undefined, settings: Settings, report: Report): Layer {
  const options = variable(env, "REDIS_OPTIONS");
  const unused: string[] = variable(env, "REDIS_URL") === undefined ? [] : ["REDIS_URL"];
  const enabledText = variable(env, "CLUSTER_ENABLED");
  const enabled = enabledText === undefined ? undefined : readBoolean(enabledText, "CLUSTER_ENABLED", report);
  if (target !== undefined && enabled !== undefined && enabled !== (target.backend.kind !== "memory"))
    unused.push("CLUSTER_ENABLED");
  if (options !== undefined) {
    if (target?.backend.kind === "memory") unused.push("REDIS_OPTIONS");
    else if (readRedisOptions(options, settings, report)?.sentinels !== undefined)
      unused.push("REDIS_OPTIONS.sentinels");
  }
  if (target !== undefined && unused.length > 0) {
    report.notice(
      "INFO_FLEET_OVERRIDDEN",
      `not used, because ${target.origin.name} names the backend: ${unused.join(", ")}`,
    );
  }
  return { settings, namesBackend: false };
}

function readBackend(env: Environment, settings: Settings, redisElsewhere: boolean, report: Report): Layer {
  const enabledText = variable(env, "CLUSTER_ENABLED");
  const enabled = enabledText === undefined ? undefined : readBoolean(enabledText, "CLUSTER_ENABLED", report);
  const urlText = variable(env, "REDIS_URL");
  const optionsText = variable(env, "REDIS_OPTIONS");
  if (enabled === false) {
    const unused = [urlText === undefined ? "" : "REDIS_URL", optionsText === undefined ? "" : "REDIS_OPTIONS"].filter(
      (name) => name !== "",
    );
    if (unused.length > 0) {
      report.notice(
        "WARN_FLEET_REDIS_UNUSED",
        `the memory backend is used, because CLUSTER_ENABLED is off; not used: ${unused.join(", ")}`,
        "CLUSTER_ENABLED=true",
      );
    }
    return {
      settings,
      namesBackend: true,
      target: { backend: { kind: "memory" }, origin: clusterEnabled, carried: new Settings() },
    };
  }
  const reading = optionsText === undefined ? undefined : readRedisOptions(optionsText, settings, report);
  const address = urlText === undefined ? undefined : readAddress(urlText, redisUrl, report);
  const target = combine(address, reading, report);
  const named = urlText !== undefined || reading?.sentinels !== undefined;
  const yields = enabled === true && !named && redisElsewhere;
  if (enabled === true && !named && !yields && (optionsText === undefined || reading !== undefined)) {
    report.problem(
      "ERR_FLEET_CONFIG_REQUIRED",
      "REDIS_URL is required when CLUSTER_ENABLED is true",
      "REDIS_URL=redis://host:6379",
    );
  }
  // A broken REDIS_OPTIONS may have held the sentinels, so nothing is assumed in its place.
  const broken = optionsText !== undefined && reading === undefined;
  return {
    settings,
    namesBackend: named || (enabledText !== undefined && !yields) || broken,
    ...(target === undefined ? {} : { target }),
  };
}

/** Joins the address with the sentinels that `REDIS_OPTIONS` may name. */
function combine(
  address: Address | undefined,
  reading: RedisOptionsReading | undefined,
  report: Report,
): Target | undefined {
  const sentinels = reading?.sentinels;
  const name = reading?.settings.get("backend.sentinel.name");
  if (address?.kind === "cluster" && (sentinels !== undefined || name !== undefined)) {
    report.problem(
      "ERR_FLEET_CONFIG_AMBIGUOUS_MODE",
      `REDIS_URL ${address.isList === true ? "is a list of nodes, so a cluster" : "is that of a cluster"}, but REDIS_OPTIONS has ${sentinels === undefined ? "the name of a primary behind sentinels" : "sentinels"}`,
      "leave sentinels and name out for a cluster; for sentinels leave REDIS_URL out",
    );
    return undefined;
  }
  if (address?.kind === "sentinel" && sentinels !== undefined) {
    report.problem(
      "ERR_FLEET_CONFIG_AMBIGUOUS_MODE",
      "REDIS_URL and REDIS_OPTIONS both name sentinels",
      "keep one of the two",
    );
    return undefined;
  }
  if (
    address?.kind === "sentinel" &&
    name !== undefined &&
    address.sentinelName !== undefined &&
    name.value !== address.sentinelName
  ) {
    report.problem(
      "ERR_FLEET_CONFIG_CONFLICT",
      "REDIS_URL and REDIS_OPTIONS.name give different names for the primary",
      "keep one of the two",
    );
  }
  if (sentinels === undefined) return address === undefined ? undefined : addressTarget(address, redisUrl, report);
  if (address === undefined) {
    return {
      backend: { kind: "sentinel", nodes: sentinels },
      origin: { ...redisOptions, name: "REDIS_OPTIONS.sentinels" },
      carried: new Settings(),
    };
  }
  // ioredis does the same: with sentinels it leaves the URL's host aside and keeps the credentials.
  report.notice("INFO_FLEET_OVERRIDDEN", "the host of REDIS_URL is not used, because REDIS_OPTIONS names sentinels");
  const { carried } = addressTarget(address, redisUrl, report);
  return {
    backend: { kind: "sentinel", nodes: sentinels },
    origin: { ...redisOptions, name: "REDIS_OPTIONS.sentinels" },
    carried,
  };
}

function readScope(env: Environment, settings: Settings, report: Report): void {
  for (const name of ["BP_REDIS_SCOPE", "REDIS_SCOPE"]) {
    const text = variable(env, name);
    const namespace = text === undefined ? undefined : readKeyPrefix(text, name, report);
    if (namespace !== undefined) settings.claim("namespace", namespace, { origin: "env", name }, report);
  }
}

function noticeIgnored(env: Environment, report: Report): void {
  const set = Object.keys(env).filter((name) => variable(env, name) !== undefined);
  const own = set.filter(
    (name) =>
      (/^BP_|^BPFS_/.test(name) && name !== "BP_REDIS_SCOPE") || name === "PRO_ENABLED" || name === "USE_REDIS_STATE",
  );
  // DATABASE_URL is set by many a platform: it is Botpress' only where something else is.
  const isBotpress = own.length > 0 || set.includes("CLUSTER_ENABLED");
  if (isBotpress && set.includes("DATABASE_URL")) own.push("DATABASE_URL");
  if (own.length > 0)
    report.notice("INFO_FLEET_IGNORED", `variables of Botpress that mean nothing here: ${own.sort().join(", ")}`);
}
