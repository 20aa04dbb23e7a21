import { setTimeout as sleep } from "node:timers/promises";
import { ClusterTopology } from "../../test/support/servers/cluster-topology.js";
import { isSameAddress } from "../../test/support/servers/running-topology.js";
import { SentinelTopology } from "../../test/support/servers/sentinel-topology.js";
import type { SingleTopology } from "../../test/support/servers/single.js";
import type { Topology } from "../../test/support/servers/topology.js";
import { until } from "../../test/support/until.js";

/** A primary that was just killed. */
export interface Killed {
  /** Another has taken over; a single server has been started again. */
  readonly replaced: Promise<unknown>;
  /** Starts the killed server again; where there is another primary now, it becomes a replica some seconds later. */
  repair(): Promise<void>;
}

/** What a supervisor takes to notice and start a server again. */
const restartAfter = 1_000;
const replaceLimit = 30_000;
/** Sentinels begin no second failover within twice their failover timeout. */
const betweenFailovers = 11_000;

/** What kills the server that takes the writes, with SIGKILL, each time it is called. */
export function primaryKiller(topology: Topology): () => Promise<Killed> {
  if (topology instanceof ClusterTopology) return () => killOfCluster(topology);
  if (topology instanceof SentinelTopology) return sentinelKiller(topology);
  return () => killSingle(topology);
}

async function killSingle({ server }: SingleTopology): Promise<Killed> {
  await server.kill();
  const restart = async (): Promise<void> => {
    await sleep(restartAfter);
    await server.restart();
  };
  return { replaced: restart(), repair: () => Promise.resolve() };
}

function sentinelKiller(topology: SentinelTopology): () => Promise<Killed> {
  let last = -Infinity;
  return async () => {
    await topology.settled();
    const wait = last + betweenFailovers - performance.now();
    if (wait > 0) await sleep(wait);
    const primary = await topology.primary();
    const server = topology.processAt(primary);
    await server.kill();
    const replaced = topology.primaryOtherThan(primary, replaceLimit).finally(() => (last = performance.now()));
    return { replaced, repair: () => server.restart() };
  };
}

async function killOfCluster(topology: ClusterTopology): Promise<Killed> {
  await topology.settled();
  const [primary] = await topology.primaries();
  if (primary === undefined) throw new Error("the cluster has no primary");
  const server = topology.processAt(primary);
  await server.kill();
  const [slots] = primary.slots;
  const isReplaced = async (): Promise<boolean> => !isSameAddress(await topology.primaryOf(slots?.[0] ?? 0), primary);
  const replaced = until(isReplaced, { what: "a replica to take over", deadline: replaceLimit, every: 100 });
  return { replaced, repair: () => server.restart() };
}
