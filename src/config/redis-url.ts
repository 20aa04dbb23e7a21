import type { Address } from "./address.js";
import type { NodeAddress, Origin } from "./backend-config.js";
import { suggestion } from "../core/nearest-name.js";
import { distinctNodes, readHostPort, socketNode } from "./node-entry.js";
import type { Report } from "./problems.js";
import { readDatabase } from "./scalars.js";

const schemes: Readonly<Record<string, { readonly kind: Address["kind"]; readonly tls: boolean }>> = {
  redis: { kind: "single", tls: false },
  rediss: { kind: "single", tls: true },
  "redis+sentinel": { kind: "sentinel", tls: false },
  "rediss+sentinel": { kind: "sentinel", tls: true },
  "redis+cluster": { kind: "cluster", tls: false },
  "rediss+cluster": { kind: "cluster", tls: true },
};
const parameters = ["username", "password", "db", "family"];

type Part = "user" | "password" | "path" | "query";
interface Context {
  readonly origin: Origin;
  readonly where: string;
  readonly report: Report;
}

/**
 * Reads `scheme://[user:password@]host[:port][,host...][/path][?query]`.
 *
 * We read it ourselves, because a list of hosts is no URL to Node, and because a client that takes an unknown scheme
 * or a wrong database for something else connects to the wrong place. Problems never repeat the text.
 */
export function readRedisUrl(text: string, origin: Origin, where: string, report: Report): Address | undefined {
  const context: Context = { origin, where, report };
  const [, scheme = "", authority = "", path = "", query = "", fragment] =
    /^([^:/]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(text) ?? [];
  const known = readScheme(scheme, context);
  const rest = `${path}${query}${fragment ?? ""}`;
  if (!authority.includes("@") && rest.includes("@")) {
    report.problem(
      "ERR_FLEET_CONFIG_URL",
      `${where} has "/", "?" or "#" before its "@"`,
      'in a user name or password write "/" as %2F, "?" as %3F, "#" as %23 and "%" as %25',
    );
    return undefined;
  }
  if (fragment !== undefined) report.problem("ERR_FLEET_CONFIG_URL", `${where} has a "#", which means nothing there`);
  const at = authority.lastIndexOf("@");
  const credentials = readCredentials(at === -1 ? "" : authority.slice(0, at), context);
  const asked = readQuery(query, context);
  if (known === undefined) return undefined;
  const nodes = readHosts(authority.slice(at + 1), known.kind, context);
  const { sentinelName, database } = readPath(path, known.kind, context);
  if (nodes === undefined) return undefined;
  return {
    kind: known.kind,
    nodes,
    username: agree("user name", credentials.username, asked.username, context),
    password: agree("password", credentials.password, asked.password, context),
    database: agree("database", database, asked.database, context),
    sentinelName,
    ...(known.tls ? { tls: true } : {}),
  };
}

/** Reads `/path/of.sock`, with the query of a URL. */
export function readSocketPath(text: string, origin: Origin, report: Report): Address | undefined {
  const [path = "", query = ""] = text.split(/\?(.*)/s);
  const asked = readQuery(query, { origin, where: origin.name, report });
  return { kind: "single", nodes: [socketNode(path)], ...asked };
}

function readScheme(scheme: string, { where, report }: Context): (typeof schemes)[string] | undefined {
  const lower = scheme.toLowerCase();
  if (Object.hasOwn(schemes, lower)) return schemes[lower];
  const said = /^[a-z][a-z+.-]{0,15}$/.test(lower) ? `the scheme ${lower}://` : "a scheme";
  report.problem(
    "ERR_FLEET_CONFIG_SCHEME",
    `${where} has ${said} that is not one of a Redis server${suggestion(lower, Object.keys(schemes))}`,
    `known: ${Object.keys(schemes)
      .map((name) => `${name}://`)
      .join(", ")}`,
  );
  return undefined;
}

function readCredentials(
  text: string,
  context: Context,
): { readonly username?: string | undefined; readonly password?: string | undefined } {
  const colon = text.indexOf(":");
  const username = decode(colon === -1 ? text : text.slice(0, colon), "user", context);
  const password = decode(colon === -1 ? "" : text.slice(colon + 1), "password", context);
  return { username: username === "" ? undefined : username, password: password === "" ? undefined : password };
}

function readHosts(
  text: string,
  kind: Address["kind"],
  { origin, where, report }: Context,
): readonly NodeAddress[] | undefined {
  const parts = text.split(",");
  if (kind === "single" && parts.length > 1) {
    report.problem(
      "ERR_FLEET_CONFIG_MULTI_ADDR",
      `${where} names several hosts, but its scheme is that of one server`,
      "for a cluster write redis+cluster://host1:port,host2:port; for sentinels redis+sentinel://host1:port,host2:port/name",
    );
    return undefined;
  }
  const defaultPort = kind === "sentinel" ? 26_379 : 6379;
  const nodes = parts.map((part, index) =>
    readHostPort(
      part,
      { origin, defaultPort, where: parts.length === 1 ? where : `${where}, host ${index + 1}` },
      report,
    ),
  );
  if (!nodes.every((node) => node !== undefined)) return undefined;
  return distinctNodes(nodes, where, report);
}

function readPath(
  path: string,
  kind: Address["kind"],
  context: Context,
): { readonly sentinelName?: string; readonly database?: number | undefined } {
  const segments = path.split("/").slice(1);
  while (segments.at(-1) === "") segments.pop();
  const name = kind === "sentinel" ? decode(segments.shift() ?? "", "path", context) : "";
  const [database, ...more] = segments;
  if (more.length > 0)
    context.report.problem("ERR_FLEET_CONFIG_URL", `${context.where} has more in its path than is read`);
  return {
    ...(name === "" ? {} : { sentinelName: name }),
    ...(database === undefined ? {} : { database: readDatabase(database, context.where, context.report) }),
  };
}

function readQuery(query: string, context: Context): Pick<Address, "username" | "password" | "database"> {
  const { where, report } = context;
  const found = new Map<string, string>();
  for (const pair of query.split("&")) {
    const [name = "", value = ""] = pair.split(/=(.*)/s);
    if (pair !== "") found.set(decode(name, "query", context), decode(value.replaceAll("+", "%20"), "query", context));
  }
  for (const name of found.keys()) {
    if (parameters.includes(name)) continue;
    const said = /^[A-Za-z_]{1,30}$/.test(name) ? `the parameter ${name}` : "a parameter";
    report.problem(
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      `${where} has ${said} that is not read${suggestion(name, parameters)}`,
      `known: ${parameters.join(", ")}; TLS is asked for by rediss://`,
    );
  }
  if (found.has("password")) {
    report.notice(
      "WARN_FLEET_SECRET_IN_QUERY",
      `${where} carries a password as ?password=, where logs and proxies show it`,
      "write it before the host, user:password@host, or in FLEET_PASSWORD_FILE",
    );
  }
  if (found.has("family")) {
    report.notice("WARN_FLEET_MANAGED_OPTION", `${where}: family is not used, since IPv4 and IPv6 are both tried`);
  }
  const database = found.get("db");
  return {
    username: found.get("username") || undefined,
    password: found.get("password") || undefined,
    database: database === undefined ? undefined : readDatabase(database, where, report),
  };
}

function decode(text: string, part: Part, { where, report }: Context): string {
  try {
    return decodeURIComponent(text);
  } catch {
    const what = part === "user" ? "user name" : part;
    report.problem("ERR_FLEET_CONFIG_URL", `${where} has a "%" in its ${what} that begins no code`, 'write "%" as %25');
    return "";
  }
}

function agree<T>(
  what: string,
  first: T | undefined,
  second: T | undefined,
  { where, report }: Context,
): T | undefined {
  if (first !== undefined && second !== undefined && first !== second) {
    report.problem(
      "ERR_FLEET_CONFIG_CONFLICT",
      `${where} gives two different values for the ${what}: one before its "?", one after`,
    );
  }
  return first ?? second;
}
