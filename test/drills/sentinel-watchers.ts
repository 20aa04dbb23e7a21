import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { until } from "../support/until.js";

/** Resolves when so many fleets listen to every sentinel: the fence of one that does not is not closed by a failover. */
export async function untilWatched(topology: SentinelTopology, fleets: number): Promise<void> {
  await until(async () => (await countWatchers(topology)).every((count) => count === fleets), {
    what: `${fleets} fleets to listen to every sentinel`,
    every: 100,
  });
}

function countWatchers(topology: SentinelTopology): Promise<readonly number[]> {
  return Promise.all(
    topology.sentinels.map(async (sentinel) => {
      const subscribers = await topology.command(sentinel, "CLIENT", "LIST", "TYPE", "pubsub");
      return String(subscribers).split(":watch:").length - 1;
    }),
  );
}
