import { type BackendConfig, type Origin, type RoomName, roomNames } from "./backend-config.js";
import { type BackendParts, buildBackend } from "./build-backend.js";
import { roomVariable } from "./environment.js";
import { Merge } from "./merge.js";
import type { Layer, SettingPath } from "./settings.js";

/** The backends of single rooms. */
export interface RoomBackends {
  readonly backends: Readonly<Partial<Record<RoomName, BackendConfig>>>;
  /** By `backends.<room>.<value>`. */
  readonly provenance: Readonly<Record<string, Origin>>;
}

/**
 * Builds the backends of those rooms that have one of their own.
 *
 * Such a backend is another server: no user, password, certificate of this client, database or address map of the
 * default backend is sent there or used for it. It shares what says nothing of a server (timeouts, the limit of pending
 * calls, `allowInsecureTls`) and, should it use TLS without a CA of its own, that of `FLEET_TLS_CA_FILE`.
 */
export function buildRooms(layers: readonly Layer[], parts: Omit<BackendParts, "target" | "merge">): RoomBackends {
  const backends: Partial<Record<RoomName, BackendConfig>> = {};
  const provenance: Record<string, Origin> = {};
  for (const room of roomNames) {
    const own = layers.flatMap((layer) => layer.rooms?.get(room) ?? []);
    const target = own.find((layer) => layer.target !== undefined)?.target;
    if (target === undefined) {
      if (own.length > 0 && !own.some((layer) => layer.namesBackend)) reportNoAddress(room, own, parts);
      continue;
    }
    const shared = layers.map(({ settings }) => ({ settings: settings.filtered(isShared), namesBackend: false }));
    const merge = new Merge(target.backend.kind === "memory" ? own : [...own, ...shared], target);
    const backend = buildBackend({ ...parts, target, merge, room });
    if (backend !== undefined) backends[room] = backend;
    for (const [path, origin] of Object.entries(merge.provenance))
      provenance[path.replace(/^backend\./, `backends.${room}.`)] = origin;
  }
  return { backends, provenance };
}

function isShared(path: SettingPath, origin: Origin): boolean {
  if (path === "backend.tls.caFile") return origin.name === "FLEET_TLS_CA_FILE";
  return path.startsWith("backend.timeouts.") || path === "backend.maxPending" || path === "allowInsecureTls";
}

function reportNoAddress(room: RoomName, own: readonly Layer[], { report }: Pick<BackendParts, "report">): void {
  const given = own.flatMap(({ settings }) => settings.entries().map(([, origin]) => origin.name));
  report.problem(
    "ERR_FLEET_CONFIG_REQUIRED",
    `${given[0] ?? `backends.${room}`} is for a backend of the room ${room}, but nothing gives its address`,
    `url: "redis://host:6379" beside it, or ${roomVariable(room)}`,
  );
}
