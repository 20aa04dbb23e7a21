import { isIPv6 } from "node:net";
import { parseDuration } from "../core/duration.js";
import { Report } from "./problems.js";

const yes = new Set(["y", "yes", "true", "1", "on", "t"]);
const no = new Set(["n", "no", "false", "0", "off", "f"]);
const longestTimer = 2 ** 31 - 1;

/** The text of a variable without surrounding space; an empty one counts as not set, as compose files leave them. */
export function variable(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const text = env[name]?.trim();
  return text === "" ? undefined : text;
}

/** Reads yes or no in any of the usual spellings; anything else is `ERR_FLEET_CONFIG_BOOL`. */
export function readBoolean(text: string, name: string, report: Report): boolean | undefined {
  const lower = text.toLowerCase();
  if (yes.has(lower)) return true;
  if (no.has(lower)) return false;
  report.problem(
    "ERR_FLEET_CONFIG_BOOL",
    `${name} is neither yes nor no: write one of ${[...yes].join(", ")}, or one of ${[...no].join(", ")}`,
    `${name}=true`,
  );
  return undefined;
}

/** Reads a port of 1 to 65535, also as text; anything else is `ERR_FLEET_CONFIG_PORT`. What was written is not repeated: it may be a password in the wrong place. */
export function readPort(value: unknown, where: string, report: Report): number | undefined {
  const port = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  report.problem(
    "ERR_FLEET_CONFIG_PORT",
    `${where}: the port is not a whole number from 1 to 65535`,
    "write host:6379 with the port that your server listens on",
  );
  return undefined;
}

/** Reads the number of a database, also as text; anything else is `ERR_FLEET_CONFIG_DB`. */
export function readDatabase(value: unknown, where: string, report: Report): number | undefined {
  const database = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof database === "number" && Number.isSafeInteger(database) && database >= 0) return database;
  report.problem(
    "ERR_FLEET_CONFIG_DB",
    `${where}: the database is not a whole number of 0 or more`,
    "leave it out for database 0",
  );
  return undefined;
}

/** Reads a host name or an IP address (IPv6 without brackets); `undefined` when it is neither. */
export function readHost(text: string): string | undefined {
  return isIPv6(text) || /^[\p{L}\p{N}_](?:[\p{L}\p{N}._-]{0,252}[\p{L}\p{N}_.])?$/u.test(text) ? text : undefined;
}

/** Reads a duration that a timer can hold, in milliseconds; 0, and more than 24 days, are `ERR_FLEET_CONFIG_DURATION`. */
export function readTimeout(value: unknown, name: string, report: Report, env = false): number | undefined {
  if (env && typeof value === "string" && /^\d+$/.test(value)) {
    report.problem(
      "ERR_FLEET_CONFIG_DURATION",
      `${name} has no unit`,
      `write milliseconds or seconds: ${name}=${value}ms, or ${name}=${value}s`,
    );
    return undefined;
  }
  const told = new Report();
  const duration = told.attempt(() => parseDuration(value, name));
  // Its own message repeats what was written, which may be a misplaced secret.
  for (const { code, help } of told.problems) report.problem(code, `${name} is not a duration`, help);
  if (duration === undefined || (duration > 0 && duration <= longestTimer)) return duration;
  report.problem("ERR_FLEET_CONFIG_DURATION", `${name} must be more than 0 and at most 24 days`);
  return undefined;
}

/** Reads a namespace as our own options and variables have it: `[A-Za-z0-9._/-]{1,64}`, else `ERR_FLEET_CONFIG_NAMESPACE`. */
export function readNamespace(text: string, name: string, report: Report): string | undefined {
  if (/^[A-Za-z0-9._/-]{1,64}$/.test(text)) return text;
  const possible = text
    .replace(/[^A-Za-z0-9._/-]+/g, ".")
    .replace(/^\.+|\.+$/g, "")
    .slice(0, 64);
  report.problem(
    "ERR_FLEET_CONFIG_NAMESPACE",
    `${name} must be 1 to 64 of the characters A-Z, a-z, 0-9, ".", "_", "/" and "-"`,
    possible === "" ? undefined : example(name, possible),
  );
  return undefined;
}

/**
 * Reads a dialect's key prefix as a namespace: a trailing separator is dropped, since we write our own, and a colon
 * becomes "." with the notice `INFO_FLEET_NAMESPACE`. A prefix of separators only counts as none.
 */
export function readKeyPrefix(text: string, name: string, report: Report): string | undefined {
  const bare = text.replace(/[:/.]+$/, "");
  if (bare === "") return undefined;
  const namespace = readNamespace(bare.replaceAll(":", "."), name, report);
  if (namespace !== undefined && bare.includes(":")) {
    report.notice("INFO_FLEET_NAMESPACE", `the namespace is ${namespace}: a colon in ${name} becomes "."`);
  }
  return namespace;
}

/** Reads the name of an instance: `[A-Za-z0-9._-]{1,128}`, else `ERR_FLEET_CONFIG_INSTANCE`. */
export function readInstance(text: string, name: string, report: Report): string | undefined {
  if (/^[A-Za-z0-9._-]{1,128}$/.test(text)) return text;
  report.problem(
    "ERR_FLEET_CONFIG_INSTANCE",
    `${name} must be 1 to 128 of the characters A-Z, a-z, 0-9, ".", "_" and "-"`,
    example(name, safeInstance(text) || "web-1"),
  );
  return undefined;
}

/** The host's name and the process id, as an instance's name; what does not fit becomes "-". */
export function defaultInstance(hostname: string, pid: number): string {
  const suffix = `-${pid}`;
  return `${safeInstance(hostname).slice(0, 128 - suffix.length) || "instance"}${suffix}`;
}

/** Reads the public address of the app; what is not a plain http or https URL is `ERR_FLEET_CONFIG_EXTERNAL_URL`. */
export function readExternalUrl(text: string, name: string, report: Report): URL | undefined {
  const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && !/[@?#]/.test(text)) return url;
  report.problem(
    "ERR_FLEET_CONFIG_EXTERNAL_URL",
    `${name} must be the public address of the app, with http:// or https:// and without "@", "?" and "#"`,
    example(name, "https://app.example.com"),
  );
  return undefined;
}

/** The line or the option that sets a value, as help for a message. */
function example(name: string, value: string): string {
  return /^[A-Z][A-Z_]*$/.test(name) ? `for example ${name}=${value}` : `for example ${name}: ${JSON.stringify(value)}`;
}

function safeInstance(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 128);
}
