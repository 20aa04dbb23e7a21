import { shippedNodeTimeout, startCluster } from "../support/servers/cluster.js";
import type { RedisProcess } from "../support/servers/redis-process.js";
import type { ServerAddress, TopologyConfig, TopologyKind } from "../support/servers/running-topology.js";
import { shippedSentinelTimes, startSentinel } from "../support/servers/sentinel.js";
import { startSingle } from "../support/servers/single.js";
import { until } from "../support/until.js";

export type { TopologyKind };

/** SIGKILL, or SIGSTOP until `heal`. */
export type PrimaryFault = "killed" | "frozen";

/** Servers whose primary can be killed, and which can be made whole again. */
export interface BreakableTopology {
  readonly config: TopologyConfig;
  /** Kills or freezes a primary; the number picks which, where there are several. */
  breakPrimary(fault: PrimaryFault, turn: number): Promise<void>;
  /** Starts what was killed again, wakes what was frozen, and resolves when the topology is whole. */
  heal(): Promise<void>;
  stop(): Promise<void>;
}

/** When servers hold each other for down. */
export interface TopologyTimes {
  /** When they do so as they are shipped, in place of after a second or so. Default false. */
  readonly shipped?: boolean;
}

/** Starts servers of one kind for a drill. */
export async function startTopology(kind: TopologyKind, times: TopologyTimes = {}): Promise<BreakableTopology> {
  switch (kind) {
    case "single":
      return single();
    case "sentinel":
      return sentinel(times);
    case "cluster":
      return cluster(times);
  }
}

async function single(): Promise<BreakableTopology> {
  const topology = await startSingle({ appendOnly: true });
  return {
    config: topology.config,
    async breakPrimary() {
      await topology.server.kill("SIGKILL");
      await topology.server.restart();
    },
    heal: () => Promise.resolve(),
    stop: () => topology.stop(),
  };
}

async function sentinel({ shipped = false }: TopologyTimes): Promise<BreakableTopology> {
  const topology = await startSentinel(shipped ? shippedSentinelTimes : {});
  // A failover begins when the primary has been silent for `downAfter`.
  const promotedWithin = 20_000 + (shipped ? shippedSentinelTimes.downAfter : 0);
  let broken = await topology.primary();
  let how: PrimaryFault = "killed";
  return {
    config: topology.config,
    async breakPrimary(fault) {
      how = fault;
      broken = await topology.primary();
      await breakServer(topology.processAt(broken), fault);
    },
    async heal() {
      await topology.primaryOtherThan(broken, promotedWithin);
      await mendServer(topology.processAt(broken), how);
      await topology.settled(promotedWithin + 30_000);
    },
    stop: () => topology.stop(),
  };
}

async function cluster({ shipped = false }: TopologyTimes): Promise<BreakableTopology> {
  const topology = await startCluster(shipped ? { nodeTimeout: shippedNodeTimeout } : {});
  // Others hold a node for failed when it has been silent for the node timeout; a ping may be half of it late.
  const promotedWithin = 20_000 + (shipped ? 2 * shippedNodeTimeout : 0);
  const count = (await topology.primaries()).length;
  let broken: ServerAddress = { host: "", port: 0 };
  let how: PrimaryFault = "killed";
  return {
    config: topology.config,
    async breakPrimary(fault, turn) {
      how = fault;
      const primaries = await topology.primaries();
      broken = primaries[turn % primaries.length] ?? broken;
      await breakServer(topology.processAt(broken), fault);
    },
    async heal() {
      // As many as before, and another in its place: a primary that came back, empty, before its replica was promoted
      // would serve its slots again without their data.
      const isReplaced = async (): Promise<boolean> => {
        const primaries = await topology.primaries();
        return primaries.length === count && primaries.every(({ port }) => port !== broken.port);
      };
      await until(isReplaced, { what: "a replica to be promoted", deadline: promotedWithin });
      await mendServer(topology.processAt(broken), how);
      await topology.settled(promotedWithin + 30_000);
    },
    stop: () => topology.stop(),
  };
}

async function breakServer(server: RedisProcess, fault: PrimaryFault): Promise<void> {
  if (fault === "frozen") server.pause();
  else await server.kill("SIGKILL");
}

async function mendServer(server: RedisProcess, fault: PrimaryFault): Promise<void> {
  if (fault === "frozen") server.resume();
  else await server.restart();
}
