import type { NodeAddress, Origin } from "./backend-config.js";
import { printableName, suggestion } from "../core/nearest-name.js";
import type { Report } from "./problems.js";
import { readDatabase, readHost, readPort } from "./scalars.js";

/** Where a node is written, and the port that it has when none is given. */
export interface NodePlace {
  readonly origin: Origin;
  /** For messages: the variable, or the entry in it. */
  readonly where: string;
  readonly defaultPort: number;
}

/** Reads `host`, `host:port`, `[::1]` or `[::1]:port`. The text is not repeated in a problem: it may hold credentials. */
export function readHostPort(text: string, place: NodePlace, report: Report): NodeAddress | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text) ?? [];
  const host = readHost(bracketed === undefined ? (plain ?? "") : bracketed.replace("%25", "%"));
  if (host === undefined || (bracketed === undefined) === host.includes(":")) {
    const colons = bracketed === undefined && (text.match(/:/g)?.length ?? 0) > 1;
    report.problem(
      "ERR_FLEET_CONFIG_NODE_HOST",
      `${place.where} gives no valid host`,
      colons ? "an IPv6 address is written in brackets: [::1]:6379" : "a node is written host:port",
    );
    return undefined;
  }
  const read = port === undefined ? place.defaultPort : readPort(port, place.where, report);
  return read === undefined ? undefined : { host, port: read };
}

/** A socket as a node; its host and port are for display only. */
export function socketNode(path: string): NodeAddress {
  return { host: "localhost", port: 6379, path };
}

/** Reads `{ host, port?, path? }`; a missing host is an error, never localhost. */
export function readNodeObject(
  entry: Readonly<Record<string, unknown>>,
  place: NodePlace,
  report: Report,
): NodeAddress | undefined {
  const { host, port, path } = entry;
  if (path !== undefined) {
    if (typeof path === "string" && path.startsWith("/") && host === undefined) return socketNode(path);
    report.problem(
      "ERR_FLEET_CONFIG_NODE_HOST",
      `${place.where}: path must be the absolute path of a socket, and stand without a host`,
    );
    return undefined;
  }
  if (typeof host !== "string" || host === "") {
    report.problem(
      "ERR_FLEET_CONFIG_NODE_HOST",
      `${place.where} has no host: localhost is never assumed`,
      `write {"host":"redis-1","port":${place.defaultPort}}`,
    );
    return undefined;
  }
  const bare = readHost(host.replace(/^\[(.*)\]$/, "$1"));
  if (bare === undefined) {
    report.problem("ERR_FLEET_CONFIG_NODE_HOST", `${place.where}: host is neither a host name nor an IP address`);
    return undefined;
  }
  const read = port === undefined ? place.defaultPort : readPort(port, place.where, report);
  return read === undefined ? undefined : { host: bare, port: read };
}

/** Reports the names in an object that nobody reads, each with the nearest one that is read. */
export function refuseUnknown(value: object, known: readonly string[], where: string, report: Report): void {
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    report.problem(
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      `${where} has ${printableSetting(name)}, which is not read there${suggestion(name, known)}`,
      `known: ${known.join(", ")}`,
    );
  }
}

/** A setting's name as it may be repeated; one that goes on after "password" may have a password in it, whose sign between was lost. */
export function printableSetting(name: string): string {
  return /(?:password|username)./i.test(name) ? "a name that is not printed here" : printableName(name);
}

/** Whether a value is an object with names, neither an array nor null. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Drops nodes that are given twice, with the notice `WARN_FLEET_DUPLICATE_NODE`. */
export function distinctNodes(nodes: readonly NodeAddress[], where: string, report: Report): readonly NodeAddress[] {
  const byAddress = new Map<string, NodeAddress>();
  for (const node of nodes) {
    const address = node.path ?? `${node.host.toLowerCase()} ${node.port}`;
    if (!byAddress.has(address)) byAddress.set(address, node);
  }
  const dropped = nodes.length - byAddress.size;
  if (dropped > 0) {
    report.notice(
      "WARN_FLEET_DUPLICATE_NODE",
      `${where} names ${dropped === 1 ? "a node" : `${dropped} nodes`} twice; each is used once`,
    );
  }
  return [...byAddress.values()];
}

/** A text setting of an object: absent is `undefined`, and what is no text is `ERR_FLEET_CONFIG_TYPE`. */
export function readText(value: unknown, where: string, report: Report): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  report.problem("ERR_FLEET_CONFIG_TYPE", `${where} must be a text in quotes`);
  return undefined;
}

/** The number of a database in an object: absent is `undefined`. */
export function readOptionalDatabase(value: unknown, where: string, report: Report): number | undefined {
  return value === undefined || value === null ? undefined : readDatabase(value, where, report);
}
