import { isIP, isIPv6 } from "node:net";
import type { AddressMap, NodeAddress, Origin } from "./backend-config.js";
import { formatNode } from "./describe.js";
import { readJson } from "./json-value.js";
import { isRecord } from "./node-entry.js";
import type { Report } from "./problems.js";
import { readHost } from "./scalars.js";

const code = "ERR_FLEET_CONFIG_ADDRESS_MAP";
const announced = "10.0.0.1:6379";
const dialled = "localhost:7001";

/**
 * Reads which address is dialled for which announced one: an object, a text `announced:port=dialled:port,...` or one of
 * JSON, or a function, which is not called. Keys come back as `host:port`, IPv6 in brackets and in its shortest form.
 * What cannot be read is `ERR_FLEET_CONFIG_ADDRESS_MAP` with the number of the entry, and the result then `undefined`.
 */
export function readAddressMap(value: unknown, origin: Origin, report: Report): AddressMap | undefined {
  if (typeof value === "function") return value as AddressMap;
  if (isRecord(value)) return readEntries(Object.entries(value), origin, report);
  if (typeof value !== "string") {
    const message = `${origin.name} must be an object of "announced:port": "dialled:port"`;
    report.problem(code, message, line(origin, announced, dialled));
    return undefined;
  }
  if (!value.trimStart().startsWith("{")) return readEntries(pairs(value), origin, report);
  const json = readJson(value, origin, JSON.stringify({ [announced]: dialled }), report);
  return json === undefined || !isRecord(json.value)
    ? undefined
    : readEntries(Object.entries(json.value), origin, report);
}

/** Reads ioredis' `natMap`, whose keys have no brackets, and whose function is given such a key and may answer null. */
export function readNatMap(value: unknown, origin: Origin, report: Report): AddressMap | undefined {
  if (typeof value === "function") {
    const natMap = value as (key: string) => NodeAddress | null | undefined;
    return ({ host, port }) => natMap(`${host}:${port}`) ?? undefined;
  }
  if (!isRecord(value)) return readAddressMap(typeof value === "string" ? 0 : value, origin, report);
  const entries = Object.entries(value).map(([key, to]): [string, unknown] => {
    const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(key) ?? [];
    return [isIPv6(host) ? `[${host}]:${port}` : key, to];
  });
  return readEntries(entries, origin, report);
}

function pairs(text: string): readonly (readonly [string, unknown])[] {
  return text.split(",").map((entry) => {
    const [from = "", to, ...more] = entry.split("=");
    return [from, more.length > 0 ? undefined : to];
  });
}

function readEntries(
  entries: readonly (readonly [string, unknown])[],
  origin: Origin,
  report: Report,
): AddressMap | undefined {
  const map = new Map<string, NodeAddress>();
  let failed = false;
  for (const [index, [from, to]] of entries.entries()) {
    const fault = add(map, from, to);
    if (fault === undefined) continue;
    failed = true;
    const where = entries.length > 1 ? `${origin.name}, entry ${index + 1}` : origin.name;
    const [left, right] = [mended(from), mended(to)];
    const complete = left !== undefined && right !== undefined;
    report.problem(code, `${where}: ${fault}`, complete ? line(origin, left, right) : line(origin, announced, dialled));
  }
  return failed ? undefined : Object.fromEntries(map);
}

/** Adds one entry, or gives what is wrong with it, without repeating it. */
function add(map: Map<string, NodeAddress>, from: unknown, to: unknown): string | undefined {
  const key = readSide(from);
  if (typeof key === "string") return `the announced address ${key}`;
  const target = readSide(isRecord(to) ? written(to) : to);
  if (typeof target === "string") return `the address to dial ${target}`;
  const name = formatNode(key);
  const known = map.get(name);
  if (known !== undefined && formatNode(known) !== formatNode(target))
    return "its announced address has another address to dial already";
  map.set(name, target);
  return undefined;
}

/** Reads one side; what is wrong with it comes back as the end of a sentence, which does not repeat it. */
function readSide(side: unknown): NodeAddress | string {
  if (typeof side !== "string" || side.trim() === "") return "is missing: write host:port";
  const text = side.trim();
  const [, inside, outside = "", digits] = /^(?:\[([^\]]*)\]|(.*?))(?::(\d*))?$/s.exec(text) ?? [];
  const bare = inside ?? outside;
  if (isIPv6(text) || (inside === undefined && isIPv6(bare))) return "is IPv6 without brackets: write [::1]:6379";
  const host = readHost(bare);
  if (host === undefined || (inside !== undefined && !isIPv6(host))) return "has no valid host: write host:port";
  if (digits === undefined || digits === "") return "has no port: write host:port";
  const port = Number(digits);
  if (digits.length > 5 || port < 1 || port > 65_535) return "has a port that is not 1 to 65535";
  return { host: isIPv6(host) ? shortest(host) : host, port };
}

/** Servers announce IPv6 addresses in their shortest form. */
function shortest(address: string): string {
  const url = `http://[${address}]`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address;
}

/** `{ host, port }` as it is written in one text. */
function written({ host, port }: Readonly<Record<string, unknown>>): unknown {
  if (typeof host !== "string") return undefined;
  const bracketed = isIPv6(host) ? `[${host}]` : host;
  return typeof port === "number" || typeof port === "string" ? `${bracketed}:${port}` : bracketed;
}

/** A side with the port that it lacks; only numbers are repeated, since a word may be a misplaced secret. */
function mended(side: unknown): string | undefined {
  const given = isRecord(side) ? written(side) : side;
  if (typeof given !== "string") return undefined;
  const text = given.trim();
  const [, before = "", port = ""] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  if (isIPv6(text) && isIPv6(before)) return mended(`[${before}]:${port}`);
  const read = readSide(
    isIPv6(text) ? `[${text}]:6379` : isIP(text.replace(/^\[|\]$/g, "")) > 0 ? `${text}:6379` : text,
  );
  return typeof read !== "string" && isIP(read.host) > 0 ? formatNode(read) : undefined;
}

function line({ origin, name }: Origin, from: string, to: string): string {
  if (name.endsWith("natMap")) {
    const [, host = "", port] = /^\[?(.*?)\]?:(\d+)$/.exec(to) ?? [];
    return `"natMap":${JSON.stringify({ [from]: { host, port: Number(port) } })}`;
  }
  return origin === "env" ? `${name}=${from}=${to}` : `addressMap: { ${JSON.stringify(from)}: ${JSON.stringify(to)} }`;
}
