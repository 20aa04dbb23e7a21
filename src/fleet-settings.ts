import {
  roomNames,
  type BackendConfig,
  type FleetConfig,
  type NodeAddress,
  type RoomName,
} from "./config/backend-config.js";
import { asSet, type Fact } from "./core/settings-fingerprint.js";

/** Who an instance is where its backend is its own memory, which nobody else reaches. */
export interface Whereabouts {
  /** Differs for every process that ever runs. */
  readonly process: string;
  /** Differs for every fleet that is ever created. */
  readonly fleet: string;
}

/**
 * What must be the same on all instances of an app for them to be one fleet, as plain data without a secret.
 *
 * Not in it is what each may have for itself: its name, users and passwords, TLS, address maps, time limits.
 */
export function fleetSettings(
  config: Pick<FleetConfig, "backend" | "backends" | "namespace">,
  rooms: Readonly<Partial<Record<RoomName, Fact>>>,
  here: Whereabouts,
): Fact {
  const { backend, backends = {}, namespace } = config;
  return {
    version: 1,
    namespace,
    backend: backendFacts(backend, here),
    // A room that names the default one again is no different from a room that uses it.
    backends: Object.fromEntries(roomNames.map((room) => [room, backendFacts(backends[room] ?? backend, here)])),
    rooms,
  };
}

function backendFacts(backend: BackendConfig, here: Whereabouts): Fact {
  const { kind } = backend;
  if (kind === "memory") {
    // Two processes never share it, however alike they are set up, and must not look as if they did.
    const { name } = backend;
    return name === undefined ? { kind, fleet: here.fleet } : { kind, name, process: here.process };
  }
  const { nodes, database, sentinel } = backend;
  return { kind, nodes: asSet(nodes.map(addressOf)), database, sentinel: sentinel?.name };
}

function addressOf({ host, port, path }: NodeAddress): string {
  if (path !== undefined) return path;
  // An IPv6 address has several spellings, of which a URL has one.
  const name = host.includes(":") && URL.canParse(`http://[${host}]`) ? new URL(`http://[${host}]`).hostname : host;
  return `${name.toLowerCase()}:${port}`;
}
