import { addressTarget } from "./address.js";
import type { NodeAddress, Origin, Secret } from "./backend-config.js";
import {
  distinctNodes,
  isRecord,
  readHostPort,
  readNodeObject,
  readOptionalDatabase,
  readText,
  refuseUnknown,
} from "./node-entry.js";
import type { FleetConfigOptions } from "./options.js";
import type { Report } from "./problems.js";
import { readAddress } from "./redis-address.js";
import { readExternalUrl, readInstance, readNamespace, readTimeout } from "./scalars.js";
import { type Layer, Settings, type Target } from "./settings.js";
import { readTls } from "./tls.js";

const timeouts = ["connect", "command", "start"] as const;
/** Our own names, in code and in a file. */
export const optionNames = [
  "backend",
  "namespace",
  "instance",
  "externalUrl",
  "timeouts",
  "maxPending",
  "allowInsecureTls",
] as const;
const connectionNames = ["username", "password", "database", "tls", "sentinel"];
const inCode = (name: string): Origin => ({ origin: "code", name });

/** Reads the options that were given in code. `otherOptions` are names that the fleet reads elsewhere. */
export function readCode(options: FleetConfigOptions, otherOptions: readonly string[], report: Report): Layer {
  const settings = new Settings();
  if (!isRecord(options)) {
    report.problem("ERR_FLEET_CONFIG_TYPE", "the options of createFleet must be an object");
    return { settings, namesBackend: false };
  }
  refuseUnknown(options, [...optionNames, "config", ...otherOptions], "createFleet's options", report);
  const text = <T>(
    name: "namespace" | "instance" | "externalUrl",
    read: (text: string) => T | undefined,
  ): T | undefined => {
    const value = readText(options[name], name, report);
    return value === undefined ? undefined : read(value);
  };
  const namespace = text("namespace", (value) => readNamespace(value, "namespace", report));
  const instance = text("instance", (value) => readInstance(value, "instance", report));
  const externalUrl = text("externalUrl", (value) => readExternalUrl(value, "externalUrl", report));
  if (namespace !== undefined) settings.claim("namespace", namespace, inCode("namespace"), report);
  if (instance !== undefined) settings.claim("instance", instance, inCode("instance"), report);
  if (externalUrl !== undefined) settings.claim("externalUrl", externalUrl, inCode("externalUrl"), report);
  readNumbers(options, settings, report);
  const target = options.backend === undefined ? undefined : readBackend(options.backend, settings, report);
  return { settings, namesBackend: options.backend !== undefined, ...(target === undefined ? {} : { target }) };
}

function readNumbers(options: FleetConfigOptions, settings: Settings, report: Report): void {
  if (options.timeouts !== undefined) {
    if (!isRecord(options.timeouts)) report.problem("ERR_FLEET_CONFIG_TYPE", "timeouts must be an object");
    else {
      refuseUnknown(options.timeouts, timeouts, "timeouts", report);
      for (const name of timeouts) {
        const given = options.timeouts[name];
        const value = given === undefined ? undefined : readTimeout(given, `timeouts.${name}`, report);
        if (value !== undefined) settings.claim(`backend.timeouts.${name}`, value, inCode(`timeouts.${name}`), report);
      }
    }
  }
  const { maxPending, allowInsecureTls } = options;
  if (typeof allowInsecureTls === "boolean")
    settings.claim("allowInsecureTls", allowInsecureTls, inCode("allowInsecureTls"), report);
  else if (allowInsecureTls !== undefined)
    report.problem("ERR_FLEET_CONFIG_TYPE", "allowInsecureTls must be true or false");
  if (maxPending === undefined) return;
  if (Number.isSafeInteger(maxPending) && maxPending >= 1)
    settings.claim("backend.maxPending", maxPending, inCode("maxPending"), report);
  else report.problem("ERR_FLEET_CONFIG_NUMBER", "maxPending must be a whole number of 1 or more");
}

function readBackend(backend: unknown, settings: Settings, report: Report): Target | undefined {
  const origin = inCode("backend");
  if (typeof backend === "string") return readBackendText(backend.trim(), origin, report);
  if (!isRecord(backend)) {
    report.problem(
      "ERR_FLEET_CONFIG_TYPE",
      'backend must be "memory", a URL or an object',
      'backend: "redis://host:6379"',
    );
    return undefined;
  }
  if ("memory" in backend) {
    refuseUnknown(backend, ["memory"], "backend", report);
    const { memory } = backend;
    if (typeof memory === "string" && memory !== "")
      return { backend: { kind: "memory", name: memory }, origin, carried: new Settings() };
    report.problem("ERR_FLEET_CONFIG_TYPE", 'backend.memory must be a name; without one write backend: "memory"');
    return undefined;
  }
  refuseUnknown(
    backend,
    "url" in backend ? ["url", ...connectionNames] : ["kind", "nodes", ...connectionNames],
    "backend",
    report,
  );
  readConnection(backend, settings, report);
  if (!("url" in backend)) return readNodes(backend, report);
  const url = readText(backend["url"], "backend.url", report);
  if (url === undefined) report.problem("ERR_FLEET_CONFIG_REQUIRED", "backend.url is empty");
  return url === undefined ? undefined : readBackendText(url.trim(), inCode("backend.url"), report);
}

/** Reads `memory` or any form of `REDIS_URL`. */
export function readBackendText(text: string, origin: Origin, report: Report): Target | undefined {
  if (text.toLowerCase() === "memory") return { backend: { kind: "memory" }, origin, carried: new Settings() };
  const address = readAddress(text, origin, report);
  return address === undefined ? undefined : addressTarget(address, origin, report);
}

function readConnection(backend: Readonly<Record<string, unknown>>, settings: Settings, report: Report): void {
  const username = readText(backend["username"], "backend.username", report);
  const password = readSecretOption(backend["password"], "backend.password", report);
  const database = readOptionalDatabase(backend["database"], "backend.database", report);
  if (username !== undefined) settings.claim("backend.username", username, inCode("backend.username"), report);
  if (password !== undefined) settings.claim("backend.password", password, inCode("backend.password"), report);
  if (database !== undefined) settings.claim("backend.database", database, inCode("backend.database"), report);
  if (backend["tls"] !== undefined) readTls(backend["tls"], inCode("backend.tls"), settings, report);
  const { sentinel } = backend;
  if (sentinel === undefined) return;
  if (!isRecord(sentinel)) {
    report.problem("ERR_FLEET_CONFIG_TYPE", "backend.sentinel must be an object", 'sentinel: { name: "mymaster" }');
    return;
  }
  refuseUnknown(sentinel, ["name", "username", "password"], "backend.sentinel", report);
  for (const part of ["name", "username"] as const) {
    const value = readText(sentinel[part], `backend.sentinel.${part}`, report);
    if (value !== undefined)
      settings.claim(`backend.sentinel.${part}`, value, inCode(`backend.sentinel.${part}`), report);
  }
  const secret = readSecretOption(sentinel["password"], "backend.sentinel.password", report);
  if (secret !== undefined)
    settings.claim("backend.sentinel.password", secret, inCode("backend.sentinel.password"), report);
}

function readSecretOption(value: unknown, where: string, report: Report): Secret | undefined {
  if (!isRecord(value)) return readText(value, where, report);
  for (const name of ["file", "env"] as const) {
    const named = value[name];
    if (typeof named !== "string" || named === "" || Object.keys(value).length > 1) continue;
    return name === "file" ? { file: named } : { env: named };
  }
  report.problem("ERR_FLEET_CONFIG_TYPE", `${where} must be a text, { file: path } or { env: name }`);
  return undefined;
}

function readNodes(backend: Readonly<Record<string, unknown>>, report: Report): Target | undefined {
  const origin = inCode("backend.nodes");
  const { kind, nodes } = backend;
  if (kind !== "single" && kind !== "sentinel" && kind !== "cluster") {
    report.problem(
      "ERR_FLEET_CONFIG_TYPE",
      'backend.kind must be "single", "sentinel" or "cluster"',
      'or give backend.url, or backend: "memory"',
    );
    return undefined;
  }
  if (!Array.isArray(nodes)) {
    report.problem("ERR_FLEET_CONFIG_TYPE", "backend.nodes must be a list", 'nodes: ["redis-1:6379"]');
    return undefined;
  }
  if (nodes.length === 0)
    report.problem("ERR_FLEET_CONFIG_EMPTY_NODES", "backend.nodes is empty: name at least one node");
  const read = nodes
    .map((node: unknown, index) => readNode(node, index, kind, report))
    .filter((node) => node !== undefined);
  if (read.length < nodes.length || read.length === 0) return undefined;
  const distinct = distinctNodes(read, origin.name, report);
  if (kind === "single" && distinct.length > 1) {
    report.problem(
      "ERR_FLEET_CONFIG_MULTI_ADDR",
      'backend.nodes names several servers, but backend.kind is "single"',
      'kind: "cluster" or "sentinel"',
    );
  }
  return { backend: { kind, nodes: distinct }, origin: inCode("backend"), carried: new Settings() };
}

function readNode(
  node: unknown,
  index: number,
  kind: "single" | "sentinel" | "cluster",
  report: Report,
): NodeAddress | undefined {
  const where = `backend.nodes[${index}]`;
  const place = { origin: inCode(where), where, defaultPort: kind === "sentinel" ? 26_379 : 6379 };
  if (typeof node === "string" && !node.includes("://")) return readHostPort(node.trim(), place, report);
  if (!isRecord(node)) {
    const help = typeof node === "string" ? "a URL is given as backend.url" : undefined;
    report.problem("ERR_FLEET_CONFIG_NODE_HOST", `${where} is neither "host:port" nor an object with a host`, help);
    return undefined;
  }
  refuseUnknown(node, ["host", "port", "path"], where, report);
  const read = readNodeObject(node, place, report);
  if (read?.path === undefined || kind === "single") return read;
  report.problem("ERR_FLEET_CONFIG_NODE_HOST", `${where} is a socket, which only a single server can have`);
  return undefined;
}
