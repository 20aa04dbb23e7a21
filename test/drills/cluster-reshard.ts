import { clusterCli } from "../support/servers/cluster-cli.js";
import { clusterDrill } from "./cluster-under-load.js";
import type { Drill } from "./drill.js";
import { sessionsByPrimary } from "./session-slots.js";

const slots = 2_000;

/** `redis-cli --cluster reshard`: every slot is open for a moment, its keys move one by one, then it has another owner. */
export const clusterReshard: Drill = clusterDrill({
  name: "cluster-reshard",
  about: `redis-cli --cluster reshard of ${slots} slots to the next primary, under load from three processes`,
  proves: "a redirect (MOVED) is followed",
  // So that every fourth slot that moves holds one.
  lanes: (topology) => sessionsByPrimary(topology, 400),
  async cause(topology, turn) {
    const primaries = await topology.primaries();
    const [from, to] = [primaries[turn % primaries.length], primaries[(turn + 1) % primaries.length]];
    if (from === undefined || to === undefined) throw new Error("the cluster has not enough primaries");
    const options = ["--cluster-from", from.id, "--cluster-to", to.id, "--cluster-slots", slots, "--cluster-yes"];
    await clusterCli("reshard", `${from.host}:${from.port}`, ...options);
    await topology.settled();
  },
});
