import { startTopology, type PrimaryFault, type TopologyKind } from "./topologies.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad, type LoadTotals } from "./fleet-under-load.js";

const beforeFault = 1_500;
// Longer than a call may wait: nothing that comes back may be what saved it.
const afterFault = 9_000;
const mechanisms = {
  killed: "calls that were lost with their connection are sent again",
  frozen:
    "a connection on which nothing is heard is ended: after two seconds, or when the sentinels name another primary",
} as const;
const recovery = { killed: 5_000, frozen: 7_000 } as const;

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
    proves: mechanisms[fault],
    async run({ faults }): Promise<DrillResult> {
      const topology = await startTopology(kind);
      const load = await FleetUnderLoad.start(topology.config);
      try {
        for (let turn = 0; turn < faults; turn += 1) {
          await whileLoadRuns(beforeFault);
          await topology.breakPrimary(fault, turn);
          if (kind !== "single") await whileLoadRuns(afterFault);
          await topology.heal();
        }
        await whileLoadRuns(beforeFault);
        return judge(name, faults, { kind, fault }, await load.settle());
      } finally {
        await load.stop();
        await topology.stop();
      }
    },
  };
}

function judge(
  name: string,
  faults: number,
  { kind, fault }: { readonly kind: TopologyKind; readonly fault: PrimaryFault },
  totals: LoadTotals,
): DrillResult {
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
  const { acknowledged, lost, twice, longestWait, silences } = totals;
  const silence = Math.round(Math.max(...silences));
  findings.expect(silence <= recovery[fault], `for ${silence} ms no call succeeded`);
  return {
    name,
    faults,
    figures: {
      acknowledged,
      lost,
      twice,
      errors: totals.failures.length,
      "longest wait ms": Math.round(longestWait),
      "recovery ms": silence,
    },
    failures: findings.failures,
  };
}
