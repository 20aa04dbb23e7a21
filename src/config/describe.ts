import type { FleetConfig, NodeAddress, Origin, RedisBackendConfig } from "./backend-config.js";

/** What the first part of the line says, or what is not worth a word of its own. */
const saidAlready = new Set([
  "backend.kind",
  "backend.nodes",
  "backend.name",
  "backend.database",
  "backend.tls",
  "backend.sentinel.name",
  "namespace",
  "instance",
  "externalUrl",
]);

/** One line for the start of a fleet: what was chosen and from where; no secret, and no user name either. */
export function describeStart(config: FleetConfig): string {
  const { backend, provenance } = config;
  const chosen =
    backend.kind === "memory"
      ? `memory${backend.name === undefined ? "" : ` ${JSON.stringify(backend.name)}`}`
      : `${backend.kind} ${address(backend)}`;
  const parts = [
    `backend ${chosen}${from(provenance["backend.kind"])}`,
    `namespace ${config.namespace}${from(provenance["namespace"])}`,
    `instance ${config.instance}${from(provenance["instance"])}`,
  ];
  if (config.externalUrl !== undefined)
    parts.push(`external URL ${config.externalUrl.href}${from(provenance["externalUrl"])}`);
  for (const [path, origin] of Object.entries(provenance)) {
    if (saidAlready.has(path) || origin.origin === "default" || isOwn(origin, provenance["backend.kind"])) continue;
    parts.push(
      `${path.replace(/^backend\./, "")}${amount(path, backend.kind === "memory" ? undefined : backend)}${from(origin)}`,
    );
  }
  return `express-fleet: ${parts.join(", ")}`;
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

/** Whether a value came with the address, whose origin was named already. */
function isOwn(origin: Origin, backend: Origin | undefined): boolean {
  return origin.origin === backend?.origin && origin.name === backend.name;
}

function amount(path: string, backend: RedisBackendConfig | undefined): string {
  if (backend === undefined) return "";
  if (path === "backend.timeouts.connect") return ` ${backend.timeouts.connect} ms`;
  if (path === "backend.timeouts.command") return ` ${backend.timeouts.command} ms`;
  if (path === "backend.timeouts.start") return ` ${backend.timeouts.start} ms`;
  return path === "backend.maxPending" ? ` ${backend.maxPending}` : "";
}
