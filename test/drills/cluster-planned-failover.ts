import { clusterDrill } from "./cluster-under-load.js";
import type { Drill } from "./drill.js";

/** `CLUSTER FAILOVER` of each primary in turn: the servers hand over by themselves, and callers are redirected. */
export const clusterPlannedFailover: Drill = clusterDrill({
  name: "cluster-planned-failover",
  about: "CLUSTER FAILOVER on a replica of a healthy primary, under load from three processes",
  proves: "a redirect (MOVED) is followed",
  async cause(topology, turn) {
    const primaries = await topology.primaries();
    const primary = primaries[turn % primaries.length];
    if (primary !== undefined) await topology.failover(primary);
  },
});
