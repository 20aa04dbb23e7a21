import type { Address } from "./address.js";
import type { Origin } from "./backend-config.js";
import { readJson } from "./json-value.js";
import { nearestName } from "../core/nearest-name.js";
import {
  distinctNodes,
  isRecord,
  readHostPort,
  readNodeObject,
  readOptionalDatabase,
  readText,
  refuseUnknown,
} from "./node-entry.js";
import type { Report } from "./problems.js";
import { readPort } from "./scalars.js";
import { readRedisUrl, readSocketPath } from "./redis-url.js";
import { tlsText } from "./tls.js";

const entryNames = ["host", "port", "path", "username", "password", "db", "tls"];
const listExample = '[{"host":"redis-1","port":6379},{"host":"redis-2","port":6379}]';
const defaultPort = 6379;

/**
 * Reads a `REDIS_URL` in any of its forms: a URL, a JSON list of cluster nodes, a JSON object, `host:port`, a port of
 * this host, or the path of a socket. A text that is none of them is reported and never guessed at.
 */
export function readAddress(text: string, origin: Origin, report: Report): Address | undefined {
  const where = origin.name;
  if (/^(["']).*\1$/s.test(text)) {
    report.problem(
      "ERR_FLEET_CONFIG_URL",
      `${where} has quotes around its value`,
      "quotes are for a shell; in an env file leave them out",
    );
    return undefined;
  }
  if (/^\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[\w.%-]+)?\](?::\d*)?$/.test(text)) return single(text, origin, report);
  if (/^[[{]/.test(text)) return readJsonAddress(text, origin, report);
  if (/^\d+$/.test(text)) {
    const port = readPort(text, where, report);
    return port === undefined ? undefined : { kind: "single", nodes: [{ host: "127.0.0.1", port }] };
  }
  if (text.startsWith("/")) return readSocketPath(text, origin, report);
  if (text.includes("://")) return readRedisUrl(text, origin, where, report);
  if (/^[^:,@/]+:[^:,@/]*$/.test(text)) return single(text, origin, report);
  const nearMemory = nearestName(text, ["memory"]) !== undefined;
  report.problem(
    text.includes(",") && !text.includes("@") ? "ERR_FLEET_CONFIG_MULTI_ADDR" : "ERR_FLEET_CONFIG_URL",
    `${where} is neither a URL nor host:port${nearMemory ? "; did you mean memory?" : ""}`,
    "write redis://host:6379, redis+sentinel://host1:26379,host2:26379/name or redis+cluster://host1:6379,host2:6379",
  );
  return undefined;
}

function single(text: string, origin: Origin, report: Report): Address | undefined {
  const node = readHostPort(text, { origin, where: origin.name, defaultPort }, report);
  return node === undefined ? undefined : { kind: "single", nodes: [node] };
}

function readJsonAddress(text: string, origin: Origin, report: Report): Address | undefined {
  const json = readJson(text, origin, listExample, report);
  if (json === undefined) return undefined;
  if (Array.isArray(json.value)) return readNodeList(json.value, origin, report);
  const address = readEntry(json.value, origin, origin.name, report);
  if (address !== undefined) {
    report.notice(
      "INFO_FLEET_SINGLE_OBJECT",
      `${origin.name} is one JSON object: a single Redis; a list means Redis Cluster`,
    );
  }
  return address;
}

/** Reads a list of a cluster's nodes, each `host:port`, a URL of one server, or an object. */
export function readNodeList(list: readonly unknown[], origin: Origin, report: Report): Address | undefined {
  if (list.length === 0) {
    report.problem(
      "ERR_FLEET_CONFIG_EMPTY_NODES",
      `${origin.name} is an empty list: name at least one node`,
      listExample,
    );
    return undefined;
  }
  const entries = list.map((entry, index) => readEntry(entry, origin, `${origin.name}, entry ${index + 1}`, report));
  const read = entries.filter((entry) => entry !== undefined);
  if (read.length < entries.length) return undefined;
  const encrypted = read.map((entry) => tlsText(entry.tls ?? false));
  if (new Set(encrypted).size > 1) {
    report.problem(
      "ERR_FLEET_CONFIG_TLS_MIXED",
      `the nodes of ${origin.name} differ in TLS: all of a cluster use it, or none`,
    );
  }
  const nodes = read.flatMap((entry) => entry.nodes);
  if (nodes.some((node) => node.path !== undefined)) {
    report.problem(
      "ERR_FLEET_CONFIG_NODE_HOST",
      `${origin.name} is a list, so a cluster, whose nodes have hosts and no socket`,
    );
  }
  return {
    kind: "cluster",
    isList: true,
    nodes: distinctNodes(nodes, origin.name, report),
    username: common("username", read, origin, report),
    password: common("password", read, origin, report),
    database: common("database", read, origin, report),
    tls: read[0]?.tls,
  };
}

function readEntry(entry: unknown, origin: Origin, where: string, report: Report): Address | undefined {
  if (typeof entry === "string") return readTextEntry(entry, origin, where, report);
  if (!isRecord(entry)) {
    report.problem("ERR_FLEET_CONFIG_NODE_HOST", `${where} is neither "host:port" nor an object with a host`);
    return undefined;
  }
  refuseUnknown(entry, entryNames, where, report);
  const node = readNodeObject(entry, { origin, where, defaultPort }, report);
  const username = readText(entry["username"], `${where}: username`, report);
  const password = readText(entry["password"], `${where}: password`, report);
  const database = readOptionalDatabase(entry["db"], where, report);
  if (node === undefined) return undefined;
  return { kind: "single", nodes: [node], username, password, database, tls: entry["tls"] ?? undefined };
}

function readTextEntry(entry: string, origin: Origin, where: string, report: Report): Address | undefined {
  if (!entry.includes("://")) {
    const node = readHostPort(entry, { origin, where, defaultPort }, report);
    return node === undefined ? undefined : { kind: "single", nodes: [node] };
  }
  const address = readRedisUrl(entry, origin, where, report);
  if (address === undefined || address.kind === "single") return address;
  report.problem("ERR_FLEET_CONFIG_SCHEME", `${where}: an entry is one node, so redis:// or rediss://`);
  return undefined;
}

/** The value that all entries which have one agree on. */
function common<P extends "username" | "password" | "database">(
  name: P,
  entries: readonly Address[],
  origin: Origin,
  report: Report,
): Address[P] {
  const values = entries.map((entry) => entry[name]).filter((value) => value !== undefined);
  if (new Set<unknown>(values).size > 1) {
    report.problem(
      "ERR_FLEET_CONFIG_CONFLICT",
      `the nodes of ${origin.name} have different values for ${name}: a cluster has one`,
    );
  }
  return values[0];
}
