import {
  type BackendConfig,
  type FleetConfig,
  type NodeAddress,
  type Origin,
  type RedisBackendConfig,
  roomNames,
} from "./backend-config.js";

/** What the first part of the line says, or what is not worth a word of its own. */
const saidAlready = new Set([
  "kind",
  "nodes",
  "name",
  "database",
  "tls",
  "sentinel.name",
  "namespace",
  "instance",
  "externalUrl",
]);

/** One line for the start of a fleet: what was chosen and from where; no secret, and no user name either. */
export function describeStart(config: FleetConfig): string {
  const { provenance } = config;
  const rooms = roomNames.flatMap((room) => {
    const backend = config.backends?.[room];
    return backend === undefined ? [] : [{ backend, path: `backends.${room}`, label: `backend of ${room}` }];
  });
  const backends = [{ backend: config.backend, path: "backend", label: "backend" }, ...rooms];
  const parts = [
    ...backends.map(({ backend, path, label }) => `${label} ${chosen(backend)}${from(provenance[`${path}.kind`])}`),
    `namespace ${config.namespace}${from(provenance["namespace"])}`,
    `instance ${config.instance}${from(provenance["instance"])}`,
  ];
  if (config.externalUrl !== undefined)
    parts.push(`external URL ${config.externalUrl.href}${from(provenance["externalUrl"])}`);
  for (const { backend, path } of backends) parts.push(...details(backend, path, provenance));
  return `express-fleet: ${parts.join(", ")}`;
}

function chosen(backend: BackendConfig): string {
  if (backend.kind !== "memory") return `${backend.kind} ${address(backend)}`;
  return `memory${backend.name === undefined ? "" : ` ${JSON.stringify(backend.name)}`}`;
}

/** What was given beside the address; of a room only what it does not share with the default backend. */
function details(backend: BackendConfig, path: string, provenance: FleetConfig["provenance"]): string[] {
  const parts: string[] = [];
  for (const [full, origin] of Object.entries(provenance)) {
    const name = full.startsWith(`${path}.`) ? full.slice(path.length + 1) : undefined;
    if (name === undefined || saidAlready.has(name) || origin.origin === "default") continue;
    const shared = path === "backend" ? undefined : provenance[`backend.${name}`];
    if (isSame(origin, provenance[`${path}.kind`]) || isSame(origin, shared)) continue;
    const label = path === "backend" ? name : `${path.slice("backends.".length)} ${name}`;
    parts.push(`${label}${amount(name, backend)}${from(origin)}`);
  }
  return parts;
}

/** A node as it is written in a URL. */
export function formatNode(node: NodeAddress): string {
  if (node.path !== undefined) return node.path;
  return `${node.host.includes(":") ? `[${node.host}]` : node.host}:${node.port}`;
}

function address(backend: RedisBackendConfig): string {
  const socket = backend.nodes[0]?.path;
  if (socket !== undefined) return `${socket}?db=${backend.database}`;
  const scheme = `${backend.tls === undefined ? "redis" : "rediss"}${backend.kind === "single" ? "" : `+${backend.kind}`}`;
  const credentials = backend.username === undefined && backend.password === undefined ? "" : "***@";
  const name = backend.sentinel === undefined ? "" : `/${encodeURIComponent(backend.sentinel.name)}`;
  const database = backend.kind === "cluster" ? "" : `/${backend.database}`;
  return `${scheme}://${credentials}${backend.nodes.map(formatNode).join(",")}${name}${database}`;
}

function from(origin: Origin | undefined): string {
  if (origin === undefined || origin.origin === "default") return " (default)";
  return ` (${origin.origin === "code" ? `code: ${origin.name}` : origin.name})`;
}

function isSame(left: Origin, right: Origin | undefined): boolean {
  return left.origin === right?.origin && left.name === right.name;
}

function amount(name: string, backend: BackendConfig): string {
  if (backend.kind === "memory") return "";
  if (name === "timeouts.connect") return ` ${backend.timeouts.connect} ms`;
  if (name === "timeouts.command") return ` ${backend.timeouts.command} ms`;
  if (name === "timeouts.start") return ` ${backend.timeouts.start} ms`;
  return name === "maxPending" ? ` ${backend.maxPending}` : "";
}
