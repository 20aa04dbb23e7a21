import { startCluster } from "../support/servers/cluster.js";
import type { TopologyConfig, TopologyKind } from "../support/servers/running-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle } from "../support/servers/single.js";
import { until } from "../support/until.js";

export type { TopologyKind };

/** Servers whose primary can be killed, and which can be made whole again. */
export interface BreakableTopology {
  readonly config: TopologyConfig;
  /** Kills a primary; the number picks which, where there are several. */
  killPrimary(turn: number): Promise<void>;
  /** Starts what was killed again, and resolves when the topology is whole. */
  heal(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts servers of one kind for a drill. */
export async function startTopology(kind: TopologyKind): Promise<BreakableTopology> {
  switch (kind) {
    case "single":
      return single();
    case "sentinel":
      return sentinel();
    case "cluster":
      return cluster();
  }
}

async function single(): Promise<BreakableTopology> {
  const topology = await startSingle({ appendOnly: true });
  return {
    config: topology.config,
    async killPrimary() {
      await topology.server.kill("SIGKILL");
      await topology.server.restart();
    },
    heal: () => Promise.resolve(),
    stop: () => topology.stop(),
  };
}

async function sentinel(): Promise<BreakableTopology> {
  const topology = await startSentinel();
  let killed = await topology.primary();
  return {
    config: topology.config,
    async killPrimary() {
      killed = await topology.primary();
      await topology.processAt(killed).kill("SIGKILL");
    },
    async heal() {
      await topology.primaryOtherThan(killed);
      await topology.processAt(killed).restart();
      await topology.settled();
    },
    stop: () => topology.stop(),
  };
}

async function cluster(): Promise<BreakableTopology> {
  const topology = await startCluster();
  const count = (await topology.primaries()).length;
  let killed: { readonly host: string; readonly port: number } = { host: "", port: 0 };
  return {
    config: topology.config,
    async killPrimary(turn) {
      const primaries = await topology.primaries();
      killed = primaries[turn % primaries.length] ?? killed;
      await topology.processAt(killed).kill("SIGKILL");
    },
    async heal() {
      // As many as before, and another in its place: a primary that came back, empty, before its replica was promoted
      // would serve its slots again without their data.
      const isReplaced = async (): Promise<boolean> => {
        const primaries = await topology.primaries();
        return primaries.length === count && primaries.every(({ port }) => port !== killed.port);
      };
      await until(isReplaced, { what: "a replica to be promoted", deadline: 20_000 });
      await topology.processAt(killed).restart();
      await topology.settled();
    },
    stop: () => topology.stop(),
  };
}
