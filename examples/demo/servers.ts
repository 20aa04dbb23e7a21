import { isFleetError } from "express-fleet";
import { connectionString, startTopology } from "../../test/support/servers/topology.js";
import type { TopologyKind } from "../../test/support/servers/running-topology.js";
import { OwnServers, type KilledPrimary, type ServerReport } from "./own-servers.js";
import { removeKeys } from "./remove-keys.js";
import { backendOfEnvironment } from "./usual-client.js";

/** What the instances keep their sessions on. */
export interface RunningServers {
  readonly kind: "memory" | TopologyKind;
  /** Every instance is in this process, and nothing is on a server. */
  readonly embedded: boolean;
  /** What that means, in words. */
  readonly words: string;
  /** Those that the demo started itself. */
  readonly own?: OwnServers;
  /** Only of servers that the demo started itself. */
  readonly killPrimary?: () => Promise<KilledPrimary>;
  /**
   * To be called when no instance runs any more; `used` says whether one ever did. Resolves with what could not be
   * cleaned up, if something.
   */
  close(used: boolean): Promise<string | undefined>;
}

const shapes: Readonly<Record<TopologyKind, string>> = {
  single: "one Redis",
  sentinel: "Redis Sentinel: one primary, two replicas, three sentinels",
  cluster: "Redis Cluster: three primaries with a replica each",
};
const separate = "The instances are separate processes, three of each app";

/**
 * Opens what was asked for: servers of its own of the given kind, of which `report` is told what happens to them; else
 * those that the environment names; else none.
 * Throws `ConfigError` when the environment is wrong.
 */
export async function openServers(
  asked: TopologyKind | undefined,
  namespace: string,
  report: ServerReport,
): Promise<RunningServers> {
  if (asked !== undefined) return startOwn(asked, report);
  const named = environmentNames();
  return named === undefined ? embedded() : foreign(named, namespace);
}

/** The variables that name a backend or change what the apps do, and are set. */
export function backendVariables(): readonly string[] {
  const others = ["REDIS_URL", "REDIS_OPTIONS", "REDIS_SCOPE", "CLUSTER_ENABLED", "EXTERNAL_URL"];
  return Object.keys(process.env).filter((name) => name.startsWith("FLEET_") || others.includes(name));
}

async function startOwn(kind: TopologyKind, report: ServerReport): Promise<RunningServers> {
  forgetVariables();
  const topology = await startTopology(kind, kind === "single" ? { appendOnly: true } : {});
  const own = new OwnServers(topology, report);
  process.env["REDIS_URL"] = connectionString(topology.config);
  return {
    kind,
    embedded: false,
    words: `${separate}, on ${shapes[kind]}. The demo started these servers and ends them with itself.`,
    own,
    killPrimary: () => own.killPrimary(),
    close: () => own.close().then(() => undefined),
  };
}

function embedded(): RunningServers {
  forgetVariables();
  return {
    kind: "memory",
    embedded: true,
    words:
      "All instances share this one process, without any server. Ours share one memory in it; those of the usual app " +
      "have a MemoryStore each, as separate instances would. Nothing outlives the process.",
    close: () => Promise.resolve(undefined),
  };
}

function foreign(named: { readonly kind: TopologyKind; readonly from: string }, namespace: string): RunningServers {
  // An https address would make the cookies secure, and the demo's balancer speaks HTTP; the rest is passed in code.
  for (const name of ["EXTERNAL_URL", "FLEET_EXTERNAL_URL", "REDIS_SCOPE", "FLEET_NAMESPACE", "FLEET_INSTANCE"])
    delete process.env[name];
  return {
    kind: named.kind,
    embedded: false,
    words:
      `${separate}, on your own servers (${named.kind}, from ${named.from}). Nothing is killed there; ` +
      `every key begins with ${namespace}: and is removed at the end.`,
    close: (used) => (used ? removeKeys(`${namespace}:`) : Promise.resolve(undefined)),
  };
}

function environmentNames(): { readonly kind: TopologyKind; readonly from: string } | undefined {
  try {
    const { backend, from } = backendOfEnvironment();
    return backend.kind === "memory" ? undefined : { kind: backend.kind, from };
  } catch (error) {
    // In production no backend is assumed; the demo says in code that memory is meant.
    if (isFleetError(error) && error.code === "ERR_FLEET_BACKEND_REQUIRED") return undefined;
    throw error;
  }
}

function forgetVariables(): void {
  for (const name of backendVariables()) delete process.env[name];
}
