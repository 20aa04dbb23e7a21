import { startTopology, type PrimaryFault, type TopologyKind } from "./topologies.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad, type LoadTotals } from "./fleet-under-load.js";

const beforeFault = 1_500;
const afterFault = 3_000;

/** SIGKILL or SIGSTOP of a primary (Sentinel, Cluster), or restart of a single server that keeps an append-only file. */
export function primaryBroken(kind: TopologyKind, fault: PrimaryFault = "killed"): Drill {
  const name = kind === "single" ? "single-restarted" : `${kind}-primary-${fault}`;
  const about =
    kind === "single"
      ? "SIGKILL and restart of a single server with AOF (appendfsync always), under load from three processes"
      : `${fault === "killed" ? "SIGKILL" : "SIGSTOP"} of a primary of a ${kind}, under load from three processes`;
  return {
    name,
    about,
    async run({ faults }): Promise<DrillResult> {
      const topology = await startTopology(kind);
      const load = await FleetUnderLoad.start(topology.config);
      try {
        for (let turn = 0; turn < faults; turn += 1) {
          await whileLoadRuns(beforeFault);
          await topology.breakPrimary(fault, turn);
          await whileLoadRuns(afterFault);
          await topology.heal();
        }
        await whileLoadRuns(beforeFault);
        return judge(name, faults, kind, await load.settle());
      } finally {
        await load.stop();
        await topology.stop();
      }
    },
  };
}

function judge(name: string, faults: number, kind: TopologyKind, totals: LoadTotals): DrillResult {
  const findings = new Findings();
  const first = totals.failures[0];
  findings.expect(
    first === undefined,
    `${totals.failures.length} calls failed, the first with ${first?.code}: ${first?.message}`,
  );
  findings.expect(totals.twice === 0, `${totals.twice} increments were made twice`);
  findings.expect(totals.missing === 0, `${totals.missing} times a session was missing`);
  findings.expect(totals.acknowledged > 0, "the load acknowledged nothing");
  // Replication is asynchronous: what a promoted replica had not received is lost, and is reported, not hidden.
  if (kind === "single") findings.expect(totals.lost === 0, `${totals.lost} acknowledged increments are lost`);
  const { acknowledged, lost, twice, longestWait } = totals;
  return {
    name,
    faults,
    figures: { acknowledged, lost, twice, errors: totals.failures.length, "longest wait ms": Math.round(longestWait) },
    failures: findings.failures,
  };
}
