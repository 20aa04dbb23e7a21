import { startCluster, type ClusterOptions } from "./cluster.js";
import { ClusterTopology } from "./cluster-topology.js";
import type { ServerAddress, TopologyConfig, TopologyDescription, TopologyKind } from "./running-topology.js";
import { startSentinel, type SentinelOptions } from "./sentinel.js";
import { SentinelTopology } from "./sentinel-topology.js";
import { SingleTopology, startSingle, type SingleOptions } from "./single.js";

export type Topology = SingleTopology | SentinelTopology | ClusterTopology;

/** The options of each kind. */
export interface TopologyOptions {
  readonly single: SingleOptions;
  readonly sentinel: SentinelOptions;
  readonly cluster: ClusterOptions;
}

/** Starts servers of one kind and resolves when they are ready for use. They end with `stop`, or with this process. */
export function startTopology<K extends TopologyKind>(kind: K, options?: TopologyOptions[K]): Promise<Topology> {
  switch (kind) {
    case "single":
      return startSingle(options as SingleOptions | undefined);
    case "sentinel":
      return startSentinel(options as SentinelOptions | undefined);
    case "cluster":
      return startCluster(options as ClusterOptions | undefined);
    default:
      throw new Error(`${String(kind)} is no topology; there are single, sentinel and cluster`);
  }
}

/** A handle on servers that another process started. */
export function openTopology({ config, servers }: TopologyDescription): Topology {
  switch (config.kind) {
    case "single":
      return new SingleTopology(config, servers);
    case "sentinel":
      return new SentinelTopology(config, servers);
    case "cluster":
      return new ClusterTopology(config, servers);
  }
}

/**
 * What to put into `REDIS_URL` to reach the servers: `redis://host:port`, `redis+sentinel://host:port,.../name`,
 * or a JSON list of nodes; with `rediss` and `tls` when they speak TLS. A password is part of it, but not that of the
 * sentinels, and no certificate.
 */
export function connectionString({ kind, nodes, sentinel, password, tls }: TopologyConfig): string {
  const credentials = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  const scheme = tls === undefined ? "redis" : "rediss";
  switch (kind) {
    case "single":
      return `${scheme}://${credentials}${hostList(nodes)}`;
    case "sentinel":
      return `${scheme}+sentinel://${credentials}${hostList(nodes)}/${encodeURIComponent(sentinel?.name ?? "mymaster")}`;
    case "cluster":
      return JSON.stringify(
        nodes.map(({ host, port }) => ({
          host,
          port,
          ...(password === undefined ? {} : { password }),
          ...(tls === undefined ? {} : { tls: true }),
        })),
      );
  }
}

function hostList(nodes: readonly ServerAddress[]): string {
  return nodes.map(({ host, port }) => `${host}:${port}`).join(",");
}
