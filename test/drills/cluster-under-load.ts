import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { startCluster, type ClusterOptions } from "../support/servers/cluster.js";
import type { ServerAddress } from "../support/servers/running-topology.js";
import { type Drill, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad, type LoadTotals } from "./fleet-under-load.js";
import { sessionsByPrimary } from "./session-slots.js";
import type { WorkerFailure } from "./worker-protocol.js";

/** A fault of a cluster, and the load that meets it. */
export interface ClusterFault {
  readonly name: string;
  readonly about: string;
  readonly proves: string;
  readonly cluster?: ClusterOptions;
  /** What the processes are given; by default every node. */
  readonly seeds?: (topology: ClusterTopology) => readonly ServerAddress[];
  /** Identifiers of the sessions, by lane; by default 8 for each primary. */
  readonly lanes?: (topology: ClusterTopology) => Promise<readonly (readonly string[])[]>;
  /** Causes the fault and resolves when the cluster is whole again. */
  cause(topology: ClusterTopology, turn: number): Promise<void>;
  /** Looks at what was counted; by default no call may fail, and every shard must answer again within five seconds. */
  readonly judge?: (totals: LoadTotals, findings: Findings) => Readonly<Record<string, number>>;
}

const around = 1_500;
// So many for each of three primaries: a shard that is away holds up its own callers alone.
const callersPerLane = 3;
const recovery = 5_000;

/** Makes a drill of a fault: three processes, every acknowledged increment there once. */
export function clusterDrill(fault: ClusterFault): Drill {
  const { name, about, proves, lanes: lanesOf = (topology) => sessionsByPrimary(topology, 8), judge = noError } = fault;
  return {
    name,
    about,
    proves,
    async run({ faults }) {
      const topology = await startCluster(fault.cluster);
      let load: FleetUnderLoad | undefined;
      try {
        const lanes = await lanesOf(topology);
        const config = { ...topology.config, nodes: fault.seeds?.(topology) ?? topology.config.nodes };
        load = await FleetUnderLoad.start(config, { lanes, callers: callersPerLane * lanes.length });
        for (let turn = 0; turn < faults; turn += 1) {
          await whileLoadRuns(around);
          await fault.cause(topology, turn);
        }
        await whileLoadRuns(around);
        const totals = await load.settle();
        const { acknowledged, lost, twice, failures, missing, longestWait } = totals;
        const findings = new Findings();
        findings.expect(acknowledged > 0, "the load acknowledged nothing");
        findings.expect(lost === 0, `${lost} acknowledged increments are lost`);
        findings.expect(twice === 0, `${twice} increments were made twice`);
        findings.expect(missing === 0, `${missing} times a session was missing`);
        const figures = {
          acknowledged,
          lost,
          twice,
          errors: failures.length,
          "longest wait ms": Math.round(longestWait),
          ...judge(totals, findings),
        };
        return { name, faults, figures, failures: findings.failures };
      } finally {
        await load?.stop();
        await topology.stop();
      }
    },
  };
}

/** No call of these failed, and every lane recovered in time. */
function noError({ failures, silences }: LoadTotals, findings: Findings): Readonly<Record<string, number>> {
  expectNoFailure(failures, findings);
  return expectRecovery(Math.max(...silences), findings);
}

/** None of these calls failed. */
export function expectNoFailure(failures: readonly WorkerFailure[], findings: Findings): void {
  const [first] = failures;
  const told = `${failures.length} calls failed, the first with ${first?.code}: ${first?.message}`;
  findings.expect(first === undefined, told);
}

/** Calls succeeded again soon enough; gives the figure to publish. */
export function expectRecovery(milliseconds: number, findings: Findings): { readonly "recovery ms": number } {
  const rounded = Math.round(milliseconds);
  findings.expect(rounded <= recovery, `for ${rounded} ms no call to a shard succeeded`);
  return { "recovery ms": rounded };
}
