import { until } from "../until.js";
import { ClusterTopology } from "./cluster-topology.js";
import { RedisProcess, type RedisProcessOptions, type ServerTls } from "./redis-process.js";
import { addressOf, clientFiles, startProcesses, stopProcesses } from "./running-topology.js";

const slotCount = 16_384;

export interface ClusterOptions {
  /** Default 3. */
  readonly primaries?: number;
  /** Replicas of each primary; default 1. */
  readonly replicas?: number;
  /** `cluster-node-timeout` in milliseconds; default 1 500. */
  readonly nodeTimeout?: number;
  readonly password?: string;
  readonly maxMemory?: string;
  readonly appendOnly?: boolean;
  /** Also for what the nodes say to each other. */
  readonly tls?: ServerTls;
  /** More lines of configuration for every node. */
  readonly config?: readonly string[];
}

/** `cluster-node-timeout` of the `redis.conf` that servers are shipped with. */
export const shippedNodeTimeout = 15_000;

/** Starts a cluster and resolves when every node says that it is ok, all slots are served and the replicas are in sync. */
export async function startCluster(options: ClusterOptions = {}): Promise<ClusterTopology> {
  const { primaries = 3, replicas = 1, password } = options;
  const count = primaries * (1 + replicas);
  const nodes = await startProcesses(Array.from({ length: count }, () => nodeOptions(options)));
  try {
    const leaders = nodes.slice(0, primaries);
    await Promise.all(nodes.map((node, index) => node.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)));
    await Promise.all(leaders.map((node, index) => node.command("CLUSTER", "ADDSLOTS", ...slotsOf(index, primaries))));
    await meet(nodes);
    await Promise.all(
      nodes.slice(primaries).map((node, index) => follow(node, leaders[index % primaries] as RedisProcess)),
    );
    const topology = new ClusterTopology(
      {
        kind: "cluster",
        nodes: nodes.map(addressOf),
        ...(password === undefined ? {} : { password }),
        ...clientFiles(options.tls),
      },
      nodes,
    );
    await topology.settled();
    return topology;
  } catch (error) {
    await stopProcesses(nodes);
    throw error;
  }
}

/** Starts a node that knows no other yet, as `redis-cli --cluster add-node` wants it. */
export function startClusterNode(options: ClusterOptions = {}): Promise<RedisProcess> {
  return RedisProcess.start(nodeOptions(options));
}

function nodeOptions(options: ClusterOptions): RedisProcessOptions {
  const { nodeTimeout = 1_500, password, maxMemory, appendOnly = false, config = [], tls } = options;
  return {
    appendOnly,
    config: ["cluster-enabled yes", "cluster-config-file nodes.conf", `cluster-node-timeout ${nodeTimeout}`, ...config],
    ...(password === undefined ? {} : { password }),
    ...(maxMemory === undefined ? {} : { maxMemory }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function slotsOf(index: number, primaries: number): number[] {
  const from = Math.floor((index * slotCount) / primaries);
  const to = Math.floor(((index + 1) * slotCount) / primaries);
  return Array.from({ length: to - from }, (_, offset) => from + offset);
}

// Everybody meets everybody: waiting for gossip to introduce them takes seconds.
async function meet(nodes: readonly RedisProcess[]): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    const others = nodes.slice(index + 1);
    await Promise.all(others.map(({ host, port }) => node.command("CLUSTER", "MEET", host, port)));
  }
}

async function follow(replica: RedisProcess, primary: RedisProcess): Promise<void> {
  const id = String(await primary.command("CLUSTER", "MYID"));
  await until(() => replica.command("CLUSTER", "REPLICATE", id), { what: `${replica.port} to know ${primary.port}` });
}
