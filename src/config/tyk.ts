import type { NodeAddress } from "./backend-config.js";
import { claimGiven, claimPoolSize, type DialectContext, DialectFields, type Entries } from "./dialect-fields.js";
import { distinctNodes, isRecord, readHostPort } from "./node-entry.js";
import type { Report } from "./problems.js";
import { readDatabase, readPort } from "./scalars.js";
import { type Layer, Settings, type Sourced, type Target, type TargetBackend } from "./settings.js";
import { readTlsVersion } from "./tls.js";

const addressNames = ["type", "cluster", "masterName", "addrs", "hosts", "host", "port"];
const carriedNames = ["username", "password", "sentinelPassword", "database", "tls", "insecure", "caFile", "certFile"];

/** Reads what one of Tyk's programs has of Redis. What belongs to its address is dropped with the address where a stronger source names the backend. */
export function readTyk(entries: Entries, context: DialectContext, report: Report): Layer {
  const fields = new DialectFields(entries, report);
  const settings = new Settings();
  const cluster = fields.flag("cluster");
  const type = fields.text("type");
  claimPoolSize(fields.whole("maxActive"), settings, report);
  readTimeout(fields, settings, report);
  if (entries.has("maxIdle")) {
    const { name } = entries.get("maxIdle")?.origin ?? { name: "optimisation_max_idle" };
    report.notice("INFO_FLEET_IGNORED", `${name} means nothing here: each node has one connection, which is kept`);
  }
  const isMemory = type?.value.toLowerCase() === "memory";
  const names =
    isMemory || cluster?.value === true || ["masterName", "addrs", "hosts", "host"].some((name) => entries.has(name));
  if (context.namesBackend && names) {
    const unused = fields.origins([...addressNames, ...carriedNames]);
    const by = context.target === undefined ? "" : `, because ${context.target.origin.name} names the backend`;
    report.notice("INFO_FLEET_OVERRIDDEN", `not used${by}: ${unused.join(", ")}`);
    return { settings, namesBackend: false };
  }
  const carried = names ? new Settings() : settings;
  if (type !== undefined && !isMemory && type.value.toLowerCase() !== "redis") {
    report.problem("ERR_FLEET_CONFIG_TYPE", `${type.origin.name} must be redis or memory`, `"type": "redis"`);
    return { settings, namesBackend: true };
  }
  if (isMemory) {
    const unused = fields.origins(["cluster", "masterName", "addrs", "hosts", "host"]);
    if (unused.length > 0)
      report.notice("WARN_FLEET_REDIS_UNUSED", `${type.origin.name} is memory; not used: ${unused.join(", ")}`);
    return { settings, namesBackend: true, target: { backend: { kind: "memory" }, origin: type.origin, carried } };
  }
  readCarried(fields, carried, context, report);
  if (!names) {
    const asks = type !== undefined && !context.namesBackend && !context.namesServer;
    return { settings, namesBackend: asks && missing(type, report) };
  }
  const target = readTarget(fields, cluster, carried, report);
  return { settings, namesBackend: true, ...(target === undefined ? {} : { target }) };
}

/** Whether an address is given, rightly or wrongly. */
export function namesTykServer(entries: Entries): boolean {
  return ["addrs", "hosts", "host"].some((name) => entries.has(name));
}

function missing({ origin }: Sourced<unknown>, report: Report): true {
  report.problem(
    "ERR_FLEET_CONFIG_REQUIRED",
    `${origin.name} asks for Redis, but no address is given: localhost is never assumed`,
    `"addrs": ["server1:6379"]`,
  );
  return true;
}

function readTarget(
  fields: DialectFields,
  cluster: Sourced<boolean> | undefined,
  carried: Settings,
  report: Report,
): Target | undefined {
  const master = fields.text("masterName");
  if (cluster?.value === true && master !== undefined) {
    report.problem(
      "ERR_FLEET_CONFIG_AMBIGUOUS_MODE",
      `${cluster.origin.name} asks for a cluster and ${master.origin.name} for sentinels: enable_cluster must not be set with master_name, and Tyk would silently use the sentinels`,
      "leave one of the two out",
    );
    return undefined;
  }
  const kind = master !== undefined ? "sentinel" : cluster?.value === true ? "cluster" : "single";
  const nodes = readNodes(fields, kind === "sentinel" ? 26_379 : 6379, report);
  if (nodes === undefined) {
    const asking = master ?? cluster;
    const given = ["addrs", "hosts", "host"].some((name) => fields.get(name) !== undefined);
    if (!given && asking !== undefined) missing(asking, report);
    return undefined;
  }
  if (kind === "single" && nodes.value.length > 1) {
    report.problem(
      "ERR_FLEET_CONFIG_MULTI_ADDR",
      `${nodes.origin.name} names ${nodes.value.length} servers without enable_cluster or master_name, and Tyk would use only the first`,
      `"enable_cluster": true for a cluster, "master_name": "mymaster" for sentinels`,
    );
    return undefined;
  }
  claimGiven(carried, "backend.sentinel.name", master, report);
  const backend: TargetBackend = { kind, nodes: nodes.value };
  return { backend, origin: nodes.origin, carried };
}

/** `addrs` counts more than `hosts`, and that more than `host`. */
function readNodes(
  fields: DialectFields,
  defaultPort: number,
  report: Report,
): Sourced<readonly NodeAddress[]> | undefined {
  const old = readHosts(fields, defaultPort, report);
  if (fields.get("addrs") !== undefined) {
    const addrs = fields.nodes("addrs", defaultPort);
    if (old !== undefined && addrs !== undefined && address(old.value) !== address(addrs.value)) {
      report.notice(
        "WARN_FLEET_HOSTS_IGNORED",
        `${old.origin.name} differs from ${addrs.origin.name}, which is the one that is used`,
        `leave hosts out`,
      );
    }
    return addrs;
  }
  if (fields.get("hosts") !== undefined) return old;
  const host = fields.text("host");
  if (host === undefined) return undefined;
  const port = fields.get("port");
  const unset = port === undefined || port.value === 0 || port.value === "0";
  const number = unset ? defaultPort : readPort(port.value, port.origin.name, report);
  const bare = host.value.includes(":") && !host.value.startsWith("[") && host.value.split(":").length > 2;
  const place = { origin: host.origin, where: host.origin.name, defaultPort: number ?? defaultPort };
  const node = readHostPort(bare ? `[${host.value}]` : host.value.trim(), place, report);
  return node === undefined || number === undefined ? undefined : { value: [node], origin: host.origin };
}

/** The older form: in a file a map of host to port, in a variable pairs, of which one host may have several. */
function readHosts(
  fields: DialectFields,
  defaultPort: number,
  report: Report,
): Sourced<readonly NodeAddress[]> | undefined {
  const hosts = fields.get("hosts");
  if (hosts === undefined) return undefined;
  const { value, origin } = hosts;
  report.notice("WARN_FLEET_DEPRECATED_HOSTS", `${origin.name} is Tyk's older form`, `"addrs": ["server1:6379"]`);
  if (!isRecord(value)) return fields.nodes("hosts", defaultPort);
  const pairs = Object.entries(value);
  if (pairs.length === 0)
    report.problem("ERR_FLEET_CONFIG_EMPTY_NODES", `${origin.name} is empty: name at least one node`);
  const nodes = pairs.map(([host, port], index) => {
    const where = `${origin.name}, entry ${index + 1}`;
    const number = readPort(port, where, report);
    const text = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
    const node = readHostPort(text, { origin, where, defaultPort: number ?? defaultPort }, report);
    return number === undefined ? undefined : node;
  });
  const read = nodes.filter((node) => node !== undefined);
  if (read.length < pairs.length || read.length === 0) return undefined;
  return { value: distinctNodes(read, origin.name, report), origin };
}

function address(nodes: readonly NodeAddress[]): string {
  return nodes
    .map(({ host, port }) => `${host} ${port}`)
    .sort()
    .join();
}

function readTimeout(fields: DialectFields, settings: Settings, report: Report): void {
  const entry = fields.get("timeout");
  if (entry === undefined) return;
  const { value, origin } = entry;
  const seconds = typeof value === "string" && /^\s*\d{1,6}\s*$/.test(value) ? Number(value) : value;
  if (seconds === 0) return;
  if (typeof seconds !== "number" || !Number.isSafeInteger(seconds) || seconds < 0 || seconds > 1_000_000) {
    report.problem("ERR_FLEET_CONFIG_DURATION", `${origin.name} must be a whole number of seconds`, `"timeout": 5`);
    return;
  }
  settings.claim("backend.timeouts.connect", seconds * 1000, origin, report);
  settings.claim("backend.timeouts.command", seconds * 1000, origin, report);
}

function readCarried(fields: DialectFields, carried: Settings, context: DialectContext, report: Report): void {
  claimGiven(carried, "backend.username", fields.text("username"), report);
  claimGiven(carried, "backend.password", fields.text("password"), report);
  claimGiven(carried, "backend.sentinel.password", fields.text("sentinelPassword"), report);
  const database = fields.get("database");
  const number = database === undefined ? undefined : readDatabase(database.value, database.origin.name, report);
  if (database !== undefined && number !== undefined)
    carried.claim("backend.database", number, database.origin, report);
  claimGiven(carried, "backend.tls", fields.flag("tls"), report);
  const insecure = fields.flag("insecure");
  if (insecure?.value === true) carried.claim("backend.tls.rejectUnauthorized", false, insecure.origin, report);
  claimGiven(carried, "backend.tls.caFile", fields.text("caFile"), report);
  claimGiven(carried, "backend.tls.certFile", fields.text("certFile"), report);
  claimGiven(carried, "backend.tls.keyFile", fields.text("keyFile"), report);
  for (const end of ["minVersion", "maxVersion"] as const) {
    const given = fields.get(end);
    const version = given === undefined ? undefined : readTlsVersion(given.value, given.origin.name, report);
    if (given !== undefined && version !== undefined)
      carried.claim(`backend.tls.${end}`, version, given.origin, report);
  }
  const unused = fields.origins(["insecure", "caFile", "certFile", "keyFile", "minVersion", "maxVersion"]);
  if (unused.length > 0 && carried.get("backend.tls")?.value !== true)
    report.notice("WARN_FLEET_UNUSED", `without use_ssl nothing uses ${unused.join(", ")}`, '"use_ssl": true');
  checkIam(fields, context, report);
}

function checkIam(fields: DialectFields, context: DialectContext, report: Report): void {
  const iam = fields.get("iam");
  if (iam === undefined || context.hasPassword) return;
  const enabled = isRecord(iam.value) ? iam.value["enabled"] : iam.value;
  if (enabled === true || enabled === 1 || (typeof enabled === "string" && /^(?:true|1|yes|on|t|y)$/i.test(enabled))) {
    report.problem(
      "ERR_FLEET_CONFIG_PROVIDER_REQUIRED",
      `${iam.origin.name} asks for sign-in by IAM, whose passwords come from a program of yours`,
      "backend: { password: () => token() } in code, or a file that it writes them to, in FLEET_PASSWORD_FILE",
    );
  }
}
