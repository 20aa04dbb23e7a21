import { addressTarget } from "./address.js";
import { claimGiven, claimPoolSize, type DialectContext, DialectFields, type Entries } from "./dialect-fields.js";
import { readHostPort } from "./node-entry.js";
import type { Report } from "./problems.js";
import { readRedisUrl } from "./redis-url.js";
import { readDatabase, readKeyPrefix, readPort } from "./scalars.js";
import { type Layer, Settings, type Target } from "./settings.js";
import { claimSpringTimeouts } from "./spring-duration.js";

const addressNames = ["url", "host", "port", "sentinel.master", "sentinel.nodes", "cluster.nodes"];
const carriedNames = ["username", "password", "database", "sentinel.username", "sentinel.password", "ssl"];

/** Reads what Spring has of Redis. What belongs to its address is dropped with the address where a stronger source names the backend. */
export function readSpring(entries: Entries, context: DialectContext, report: Report): Layer {
  const fields = new DialectFields(entries, report);
  const settings = new Settings();
  readBeside(fields, settings, report);
  const enabled = fields.flag("enabled");
  const named = fields.origins(addressNames);
  if (context.namesBackend) {
    const wants = enabled !== undefined && enabled.value === (context.target?.backend.kind === "memory");
    const unused = [...(wants ? fields.origins(["enabled"]) : []), ...named];
    if (named.length > 0) unused.push(...fields.origins(carriedNames));
    else readCarried(fields, settings, report);
    const by = context.target === undefined ? "" : `, because ${context.target.origin.name} names the backend`;
    if (unused.length > 0) report.notice("INFO_FLEET_OVERRIDDEN", `not used${by}: ${unused.join(", ")}`);
    return { settings, namesBackend: false };
  }
  if (enabled?.value === false) {
    if (named.length > 0)
      report.notice("WARN_FLEET_REDIS_UNUSED", `${enabled.origin.name} is false; not used: ${named.join(", ")}`);
    const carried = new Settings();
    return {
      settings,
      namesBackend: true,
      target: { backend: { kind: "memory" }, origin: enabled.origin, carried },
    };
  }
  if (named.length === 0 && enabled?.value !== true) {
    readCarried(fields, settings, report);
    const replica = refuseReplicas(fields, report);
    return { settings, namesBackend: replica };
  }
  const carried = new Settings();
  readCarried(fields, carried, report);
  const target = refuseReplicas(fields, report) ? undefined : readTarget(fields, carried, context, report);
  return { settings, namesBackend: true, ...(target === undefined ? {} : { target }) };
}

/** Whether a backend is named but for `redis.enabled=true` alone, which yields to any other dialect's address. */
export function namesOnlyEnabled(entries: Entries): boolean {
  const enabled = entries.get("enabled")?.value;
  return (enabled === true || enabled === "true") && !namesSpringServer(entries);
}

/** Whether an address is given, rightly or wrongly. */
export function namesSpringServer(entries: Entries): boolean {
  return addressNames.some((name) => entries.has(name));
}

function refuseReplicas(fields: DialectFields, report: Report): boolean {
  const replicas = fields.get("masterreplica.nodes");
  if (replicas === undefined) return false;
  report.problem(
    "ERR_FLEET_CONFIG_UNSUPPORTED",
    `${replicas.origin.name}: a list of a primary and its replicas does not follow a failover`,
    "name sentinels or a cluster",
  );
  return true;
}

function readTarget(
  fields: DialectFields,
  carried: Settings,
  context: DialectContext,
  report: Report,
): Target | undefined {
  const [cluster] = fields.origins(["cluster.nodes"]);
  const [sentinel] = fields.origins(["sentinel.master", "sentinel.nodes"]);
  if (cluster !== undefined && sentinel !== undefined) {
    report.problem(
      "ERR_FLEET_CONFIG_AMBIGUOUS_MODE",
      `${cluster} asks for a cluster and ${sentinel} for sentinels; Spring would silently use the sentinels`,
      "leave one of the two out",
    );
    return undefined;
  }
  if (sentinel !== undefined) return readSentinel(fields, carried, report);
  if (cluster !== undefined) {
    const nodes = fields.nodes("cluster.nodes", 6379);
    return nodes && { backend: { kind: "cluster", nodes: nodes.value }, origin: nodes.origin, carried };
  }
  return fields.get("url") === undefined
    ? readHost(fields, carried, context, report)
    : readUrl(fields, carried, report);
}

function readSentinel(fields: DialectFields, carried: Settings, report: Report): Target | undefined {
  const master = fields.text("sentinel.master");
  const [given] = fields.origins(["sentinel.nodes"]);
  if (master === undefined || given === undefined) {
    const [there] = fields.origins(["sentinel.master", "sentinel.nodes"]);
    report.problem(
      "ERR_FLEET_CONFIG_SENTINEL_INCOMPLETE",
      `${there} is given, but ${given === undefined ? "spring.redis.sentinel.nodes is not" : "spring.redis.sentinel.master is not"}: sentinels need both`,
      "spring.redis.sentinel.master=mymaster and spring.redis.sentinel.nodes=host1:26379,host2:26379",
    );
    return undefined;
  }
  const nodes = fields.nodes("sentinel.nodes", 26_379);
  carried.claim("backend.sentinel.name", master.value, master.origin, report);
  return nodes && { backend: { kind: "sentinel", nodes: nodes.value }, origin: nodes.origin, carried };
}

function readHost(
  fields: DialectFields,
  carried: Settings,
  { production }: DialectContext,
  report: Report,
): Target | undefined {
  const host = fields.text("host");
  const port = fields.get("port");
  const number = port === undefined ? 6379 : readPort(port.value, port.origin.name, report);
  if (host !== undefined) {
    const text = host.value.split(":").length > 2 && !host.value.startsWith("[") ? `[${host.value}]` : host.value;
    const place = { origin: host.origin, where: host.origin.name, defaultPort: number ?? 6379 };
    const node = readHostPort(text.trim(), place, report);
    if (node === undefined || number === undefined) return undefined;
    return { backend: { kind: "single", nodes: [node] }, origin: host.origin, carried };
  }
  const asking = fields.get("host") ?? port ?? fields.get("enabled");
  if (asking === undefined || number === undefined || fields.get("host") !== undefined) return undefined;
  const { origin } = asking;
  if (production) {
    report.problem(
      "ERR_FLEET_CONFIG_REQUIRED",
      `${origin.name} asks for Redis, but no host is given, and in production (NODE_ENV=production) localhost is not assumed`,
      "spring.redis.host=redis-1",
    );
    return undefined;
  }
  report.notice(
    "WARN_FLEET_DEFAULT_LOCALHOST",
    `${origin.name} asks for Redis, but no host is given: localhost:${number} is used, as Spring does`,
    "spring.redis.host=redis-1",
  );
  return { backend: { kind: "single", nodes: [{ host: "localhost", port: number }] }, origin, carried };
}

function readUrl(fields: DialectFields, carried: Settings, report: Report): Target | undefined {
  const url = fields.text("url");
  if (url === undefined) return undefined;
  const { origin } = url;
  if (!/^rediss?:\/\//i.test(url.value.trim())) {
    report.problem(
      "ERR_FLEET_CONFIG_SCHEME",
      `${origin.name} must begin with redis:// or rediss://`,
      "sentinels and clusters have properties of their own: spring.redis.sentinel.nodes, spring.redis.cluster.nodes",
    );
    return undefined;
  }
  const address = readRedisUrl(url.value.trim(), origin, origin.name, report);
  const [node] = address?.nodes ?? [];
  if (address === undefined || node === undefined) return undefined;
  const target = addressTarget(address, origin, report);
  const differs = (name: string, value: string | number | undefined): boolean => {
    const given = fields.get(name)?.value;
    const text = (one: unknown): string => JSON.stringify(one).replace(/^"|"$/g, "").toLowerCase();
    return given !== undefined && value !== undefined && text(given) !== text(value);
  };
  const replaced = [
    ...(differs("host", node.host) ? ["host"] : []),
    ...(differs("port", node.port) ? ["port"] : []),
    ...(differs("username", address.username) ? ["username"] : []),
    ...(differs("password", address.password) ? ["password"] : []),
    ...(differs("database", address.database) ? ["database"] : []),
  ];
  if (replaced.length > 0) {
    report.notice(
      "WARN_FLEET_URL_OVERRIDES",
      `${origin.name} is used; not used, because they differ from it: ${fields.origins(replaced).join(", ")}`,
    );
  }
  const rest = carried.filtered((path) => target.carried.get(path) === undefined || path === "backend.tls");
  // A switch that says no beside rediss:// is a conflict, which is told.
  rest.claimAll(target.carried, report);
  return { ...target, carried: rest };
}

function readCarried(fields: DialectFields, carried: Settings, report: Report): void {
  claimGiven(carried, "backend.username", fields.text("username"), report);
  claimGiven(carried, "backend.password", fields.text("password"), report);
  claimGiven(carried, "backend.sentinel.username", fields.text("sentinel.username"), report);
  claimGiven(carried, "backend.sentinel.password", fields.text("sentinel.password"), report);
  const database = fields.get("database");
  const number = database === undefined ? undefined : readDatabase(database.value, database.origin.name, report);
  if (database !== undefined && number !== undefined)
    carried.claim("backend.database", number, database.origin, report);
  claimGiven(carried, "backend.tls", fields.flag("ssl"), report);
  claimGiven(carried, "backend.tls", fields.flag("ssl.enabled"), report);
  const [bundle] = fields.origins(["ssl.bundle"]);
  if (bundle !== undefined) {
    report.problem(
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      `${bundle}: bundles of certificates are Spring's own`,
      "FLEET_TLS_CA_FILE, FLEET_TLS_CERT_FILE and FLEET_TLS_KEY_FILE, or tls in code",
    );
  }
}

/** What holds for any backend. */
function readBeside(fields: DialectFields, settings: Settings, report: Report): void {
  claimSpringTimeouts(fields, settings, report);
  claimPoolSize(fields.whole("lettuce.pool.max-active"), settings, report);
  claimPoolSize(fields.whole("jedis.pool.max-active"), settings, report);
  const namespace = fields.text("namespace");
  const prefix = namespace === undefined ? undefined : readKeyPrefix(namespace.value, namespace.origin.name, report);
  if (namespace !== undefined && prefix !== undefined) settings.claim("namespace", prefix, namespace.origin, report);
  const readFrom = fields.text("lettuce.read-from");
  if (readFrom !== undefined && !/^(?:upstream|master)$/i.test(readFrom.value)) {
    report.notice(
      "WARN_FLEET_READ_FROM_IGNORED",
      `${readFrom.origin.name} is not followed: reads go to the primary, since a replica may be behind, which breaks sessions and locks`,
      "lettuce.read-from=upstream",
    );
  }
}
