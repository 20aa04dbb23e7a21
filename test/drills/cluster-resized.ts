import { clusterCli } from "../support/servers/cluster-cli.js";
import { ClusterTopology } from "../support/servers/cluster-topology.js";
import { startClusterNode } from "../support/servers/cluster.js";
import { isSameAddress, type ServerAddress } from "../support/servers/running-topology.js";
import { until } from "../support/until.js";
import { clusterDrill } from "./cluster-under-load.js";
import { whileLoadRuns, type Drill } from "./drill.js";
import { sessionsByPrimary } from "./session-slots.js";

const between = 500;

/** A primary joins, takes a fourth of the slots, gives them back and is deleted, by `redis-cli --cluster` alone. */
export const clusterResized: Drill = clusterDrill({
  name: "cluster-resized",
  about: "redis-cli --cluster add-node, rebalance on it and off it, del-node, under load from three processes",
  proves: "a redirect (MOVED) is followed, also to a server that was not known",
  lanes: (topology) => sessionsByPrimary(topology, 100),
  async cause(topology) {
    const [seed] = await topology.primaries();
    if (seed === undefined) throw new Error("the cluster has no primary");
    const newcomer = await startClusterNode();
    try {
      await comeAndGo(new ClusterTopology(topology.config, [...topology.processes, newcomer]), newcomer, seed);
      await topology.settled();
    } finally {
      await newcomer.stop();
    }
  },
});

async function comeAndGo(topology: ClusterTopology, newcomer: ServerAddress, seed: ServerAddress): Promise<void> {
  const existing = text(seed);
  await clusterCli("add-node", text(newcomer), existing);
  await topology.settled();
  const id = await until(async () => (await topology.nodes()).find((node) => isSameAddress(node, newcomer))?.id, {
    what: "the newcomer to be known",
  });
  await clusterCli("rebalance", existing, "--cluster-use-empty-masters");
  await topology.settled();
  await whileLoadRuns(between);
  await clusterCli("rebalance", existing, "--cluster-weight", `${id}=0`);
  await topology.settled();
  await whileLoadRuns(between);
  await clusterCli("del-node", existing, id);
}

function text({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}
