import type { BackendConfig, MemoryBackendConfig, RoomName } from "./backend-config.js";
import { roomVariable } from "./environment.js";
import type { Merge } from "./merge.js";
import type { Report } from "./problems.js";
import { buildRedisBackend } from "./redis-backend.js";
import type { Environment, ReadFile } from "./secret.js";
import type { SettingPath, Target } from "./settings.js";

/** What a backend is put together from, and what surrounds it. */
export interface BackendParts {
  readonly target: Target;
  readonly merge: Merge;
  /** Of a single room; `undefined` is the backend of all others. */
  readonly room?: RoomName | undefined;
  /** Variables and options that another backend uses. */
  readonly usedElsewhere?: ReadonlySet<string>;
  readonly env: Environment;
  readonly readFile: ReadFile;
  /** A worker of `node:cluster`. */
  readonly clusterWorker: boolean;
  /** Milliseconds since 1970, for the end of certificates. */
  readonly now: number;
  readonly report: Report;
}

/** Puts a backend together and reports what does not fit together, or is worth a warning where it runs. */
export function buildBackend(parts: BackendParts): BackendConfig | undefined {
  const { target, env, report } = parts;
  if (target.backend.kind === "memory") return buildMemory(target.backend.name, parts);
  const backend = buildRedisBackend(parts);
  if (backend?.kind === "single" && env["NODE_ENV"] === "production") {
    report.notice(
      "WARN_FLEET_SINGLE_IN_PRODUCTION",
      `${target.origin.name} is a single Redis: unless something replaces it, the fleet's memory is away while it is down`,
      "redis+sentinel://host1:26379,host2:26379,host3:26379/name, or redis+cluster://host1:6379",
    );
  }
  return backend;
}

function buildMemory(name: string | undefined, parts: BackendParts): MemoryBackendConfig {
  const { target, merge, room, env, report } = parts;
  const { origin } = target;
  merge.provenance["backend.kind"] = origin;
  if (name !== undefined) merge.provenance["backend.name"] = { ...origin, name: `${origin.name}.memory` };
  const variable = room === undefined ? "FLEET_BACKEND" : roomVariable(room);
  const memory = `the memory backend is used${room === undefined ? "" : ` for ${room}`}`;
  if (origin.origin === "default" || env["NODE_ENV"] === "production") {
    report.notice(
      "WARN_FLEET_MEMORY",
      `${memory}${origin.origin === "default" ? ", because no backend is named" : " in production"}: other processes do not share it, and it is lost when this one ends`,
      origin.origin === "default"
        ? 'FLEET_BACKEND=redis://host:6379, or backend: "memory" in code to say that it is meant'
        : `${variable}=redis://host:6379`,
    );
  }
  const worker = parts.clusterWorker || Boolean(env["NODE_UNIQUE_ID"]);
  if (worker || Boolean(env["NODE_APP_INSTANCE"])) {
    report.notice(
      "WARN_FLEET_MEMORY_MULTIPROCESS",
      `the memory backend is private to each process, and this is one of several on its host (${worker ? "a worker of node:cluster" : "NODE_APP_INSTANCE is set"})`,
      `${variable}=redis://host:6379`,
    );
  }
  const unused = merge.names(isOfConnection).filter((given) => parts.usedElsewhere?.has(given) !== true);
  if (unused.length > 0) {
    report.notice(
      "WARN_FLEET_REDIS_UNUSED",
      `${memory}, and nothing uses ${unused.join(", ")}`,
      `${variable}=redis://host:6379`,
    );
  }
  return { kind: "memory", ...(name === undefined ? {} : { name }) };
}

function isOfConnection(path: SettingPath): boolean {
  return path.startsWith("backend.") && !path.startsWith("backend.timeouts.") && path !== "backend.maxPending";
}
