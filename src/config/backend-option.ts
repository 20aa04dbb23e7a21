import { readAddressMap } from "./address-map.js";
import { addressTarget } from "./address.js";
import type { NodeAddress, Origin, Secret, SecretFunction } from "./backend-config.js";
import { isIoredisClient, snapshotOf } from "./from-ioredis.js";
import { readIoredisClient } from "./ioredis-client.js";
import {
  distinctNodes,
  isRecord,
  readHostPort,
  readNodeObject,
  readOptionalDatabase,
  readText,
  refuseUnknown,
} from "./node-entry.js";
import type { BackendPlace } from "./option-place.js";
import type { Report } from "./problems.js";
import { readAddress } from "./redis-address.js";
import { type Layer, Settings, type Target } from "./settings.js";
import { readTls } from "./tls.js";

const addressNames = ["url", "kind", "nodes", "memory", "ioredis"];
const connectionNames = ["username", "password", "database", "tls", "sentinel", "addressMap"];

/**
 * Reads a backend in any of the forms that our options take; what stands beside its address becomes settings. An object
 * without an address has settings alone, for one that a weaker source gives.
 */
export function readBackendOption(backend: unknown, place: BackendPlace, report: Report): Layer {
  const settings = new Settings();
  const target = readTarget(backend, place, settings, report);
  return { settings, namesBackend: namesAddress(backend), ...(target === undefined ? {} : { target }) };
}

/** Whether a backend is meant to have an address, rightly or wrongly, and not settings alone. */
export function namesAddress(backend: unknown): boolean {
  if (!isRecord(backend) || addressNames.some((name) => name in backend)) return true;
  return connectionNames.every((name) => backend[name] === undefined);
}

/** Reads `memory` or any form of `REDIS_URL`. */
export function readBackendText(text: string, origin: Origin, report: Report): Target | undefined {
  if (text.toLowerCase() === "memory") return { backend: { kind: "memory" }, origin, carried: new Settings() };
  const address = readAddress(text, origin, report);
  return address === undefined ? undefined : addressTarget(address, origin, report);
}

function readTarget(backend: unknown, place: BackendPlace, settings: Settings, report: Report): Target | undefined {
  const origin = place.origin();
  if (typeof backend === "string") return readBackendText(backend.trim(), origin, report);
  if (!isRecord(backend)) {
    report.problem(
      "ERR_FLEET_CONFIG_TYPE",
      `${origin.name} must be "memory", a URL or an object`,
      place.example('"redis://host:6379"'),
    );
    return undefined;
  }
  if (isIoredisClient(backend)) {
    const help = place.example("fromIoredis(client)");
    report.problem(
      "ERR_FLEET_CONFIG_TYPE",
      `${origin.name} is a client of ioredis, of which only the options are taken`,
      help,
    );
    return undefined;
  }
  if ("memory" in backend) {
    refuseUnknown(backend, ["memory"], origin.name, report);
    const { memory } = backend;
    if (typeof memory === "string" && memory !== "")
      return { backend: { kind: "memory", name: memory }, origin, carried: new Settings() };
    const name = place.name("memory");
    report.problem("ERR_FLEET_CONFIG_TYPE", `${name} must be a name; without one write ${place.example('"memory"')}`);
    return undefined;
  }
  const hasAddress = namesAddress(backend);
  const own = ["url", "ioredis"].find((name) => name in backend);
  const names = !hasAddress ? addressNames : own === undefined ? ["kind", "nodes"] : [own];
  refuseUnknown(backend, [...names, ...connectionNames], origin.name, report);
  readConnection(backend, place, settings, report);
  if (!hasAddress) return undefined;
  if (own === "ioredis") return readClient(backend, place, report);
  if (!("url" in backend)) return readNodes(backend, place, report);
  const from = place.origin("url");
  const url = readText(backend["url"], from.name, report);
  if (url === undefined) report.problem("ERR_FLEET_CONFIG_REQUIRED", `${from.name} is empty`);
  return url === undefined ? undefined : readBackendText(url.trim(), from, report);
}

function readClient(backend: object, place: BackendPlace, report: Report): Target | undefined {
  const client = snapshotOf(backend);
  if (client !== undefined) return readIoredisClient(client, place, report);
  const help = place.example("fromIoredis(client)");
  report.problem("ERR_FLEET_CONFIG_TYPE", `${place.name("ioredis")} is not as fromIoredis gives it`, help);
  return undefined;
}

function readConnection(
  backend: Readonly<Record<string, unknown>>,
  place: BackendPlace,
  settings: Settings,
  report: Report,
): void {
  const username = readText(backend["username"], place.name("username"), report);
  const password = readSecretOption(backend["password"], place.name("password"), report);
  const database = readOptionalDatabase(backend["database"], place.name("database"), report);
  if (username !== undefined) settings.claim("backend.username", username, place.origin("username"), report);
  if (password !== undefined) settings.claim("backend.password", password, place.origin("password"), report);
  if (database !== undefined) settings.claim("backend.database", database, place.origin("database"), report);
  if (backend["tls"] !== undefined)
    readTls(backend["tls"], place.origin("tls"), settings, report, (name) => place.origin(`tls.${name}`));
  const { sentinel, addressMap } = backend;
  const map = addressMap === undefined ? undefined : readAddressMap(addressMap, place.origin("addressMap"), report);
  if (map !== undefined) settings.claim("backend.addressMap", map, place.origin("addressMap"), report);
  if (sentinel !== undefined) readSentinel(sentinel, place, settings, report);
}

function readSentinel(sentinel: unknown, place: BackendPlace, settings: Settings, report: Report): void {
  if (!isRecord(sentinel)) {
    const help = 'sentinel: { name: "mymaster" }';
    report.problem("ERR_FLEET_CONFIG_TYPE", `${place.name("sentinel")} must be an object`, help);
    return;
  }
  refuseUnknown(sentinel, ["name", "username", "password"], place.name("sentinel"), report);
  for (const part of ["name", "username"] as const) {
    const origin = place.origin(`sentinel.${part}`);
    const value = readText(sentinel[part], origin.name, report);
    if (value !== undefined) settings.claim(`backend.sentinel.${part}`, value, origin, report);
  }
  const origin = place.origin("sentinel.password");
  const secret = readSecretOption(sentinel["password"], origin.name, report);
  if (secret !== undefined) settings.claim("backend.sentinel.password", secret, origin, report);
}

function readSecretOption(value: unknown, where: string, report: Report): Secret | undefined {
  // It is asked for each connection, and never here: a configuration is read without waiting for anything.
  if (typeof value === "function") return value as SecretFunction;
  if (!isRecord(value)) return readText(value, where, report);
  for (const name of ["file", "env"] as const) {
    const named = value[name];
    if (typeof named !== "string" || named === "" || Object.keys(value).length > 1) continue;
    return name === "file" ? { file: named } : { env: named };
  }
  report.problem(
    "ERR_FLEET_CONFIG_TYPE",
    `${where} must be a text, { file: path }, { env: name } or, in code, a function`,
  );
  return undefined;
}

function readNodes(
  backend: Readonly<Record<string, unknown>>,
  place: BackendPlace,
  report: Report,
): Target | undefined {
  const where = place.name("nodes");
  const { kind, nodes } = backend;
  if (kind !== "single" && kind !== "sentinel" && kind !== "cluster") {
    report.problem(
      "ERR_FLEET_CONFIG_TYPE",
      `${place.name("kind")} must be "single", "sentinel" or "cluster"`,
      `or give url, or ${place.example('"memory"')}`,
    );
    return undefined;
  }
  if (!Array.isArray(nodes)) {
    report.problem("ERR_FLEET_CONFIG_TYPE", `${where} must be a list`, 'nodes: ["redis-1:6379"]');
    return undefined;
  }
  if (nodes.length === 0) report.problem("ERR_FLEET_CONFIG_EMPTY_NODES", `${where} is empty: name at least one node`);
  const read = nodes
    .map((node: unknown, index) => readNode(node, place.origin(`nodes[${index}]`), kind, report))
    .filter((node) => node !== undefined);
  if (read.length < nodes.length || read.length === 0) return undefined;
  const distinct = distinctNodes(read, where, report);
  if (kind === "single" && distinct.length > 1) {
    report.problem(
      "ERR_FLEET_CONFIG_MULTI_ADDR",
      `${where} names several servers, but kind is "single"`,
      'kind: "cluster" or "sentinel"',
    );
  }
  return { backend: { kind, nodes: distinct }, origin: place.origin(), carried: new Settings() };
}

function readNode(
  node: unknown,
  origin: Origin,
  kind: "single" | "sentinel" | "cluster",
  report: Report,
): NodeAddress | undefined {
  const where = origin.name;
  const place = { origin, where, defaultPort: kind === "sentinel" ? 26_379 : 6379 };
  if (typeof node === "string" && !node.includes("://")) return readHostPort(node.trim(), place, report);
  if (!isRecord(node)) {
    const help = typeof node === "string" ? "a URL is given as url, without kind and nodes" : undefined;
    report.problem("ERR_FLEET_CONFIG_NODE_HOST", `${where} is neither "host:port" nor an object with a host`, help);
    return undefined;
  }
  refuseUnknown(node, ["host", "port", "path"], where, report);
  const read = readNodeObject(node, place, report);
  if (read?.path === undefined || kind === "single") return read;
  report.problem("ERR_FLEET_CONFIG_NODE_HOST", `${where} is a socket, which only a single server can have`);
  return undefined;
}
