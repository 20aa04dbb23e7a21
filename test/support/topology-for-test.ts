import { inject } from "vitest";
import type { ClusterTopology } from "./servers/cluster-topology.js";
import type { SentinelTopology } from "./servers/sentinel-topology.js";
import type { SingleTopology } from "./servers/single.js";
import { openTopology, type Topology } from "./servers/topology.js";
import type {} from "./setup/provide-topology.js";

/** The servers that the globalSetup of this vitest project started. Throws in a project that has none. */
export function topologyForTest(): Topology {
  const description = inject("topology");
  if (description === undefined) {
    throw new Error("this vitest project starts no servers; name one of test/support/setup in its globalSetup");
  }
  return openTopology(description);
}

/** The servers of the project `single`. Throws in another project. */
export function singleForTest(): SingleTopology {
  return ofKind("single") as SingleTopology;
}

/** The servers of the project `sentinel`. Throws in another project. */
export function sentinelForTest(): SentinelTopology {
  return ofKind("sentinel") as SentinelTopology;
}

/** The servers of the project `cluster`. Throws in another project. */
export function clusterForTest(): ClusterTopology {
  return ofKind("cluster") as ClusterTopology;
}

function ofKind(kind: Topology["kind"]): Topology {
  const topology = topologyForTest();
  if (topology.kind !== kind) throw new Error(`this test needs ${kind}; its project runs ${topology.kind}`);
  return topology;
}
