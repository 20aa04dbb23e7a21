import { type Drill, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad, type LoadTotals } from "./fleet-under-load.js";
import { startTopology, type PrimaryFault } from "./topologies.js";
import type { WorkerRequest } from "./worker-protocol.js";

const pace = 40;
const around = 3_000;
const sessions = 240;
const noticed = 1_000;
// The deadline of a call, and what a busy machine adds.
const promised = 8_000 + 2_000;
const typed = ["ERR_FLEET_UNAVAILABLE", "ERR_FLEET_TIMEOUT"];

/** What callers saw of one fault. */
interface Outage {
  /** Milliseconds from the fault until the last request that met it had ended. */
  readonly lasted: number;
  readonly requests: number;
  readonly failed: number;
  readonly delayed: number;
}

/**
 * SIGKILL or SIGSTOP of a primary where the servers have the times that they are shipped with (`cluster-node-timeout` 15 s,
 * `down-after-milliseconds` 30 s): the outage is longer than the eight seconds that a call may wait, so some calls fail.
 *
 * Requests come at a steady pace, so that their shares are those of users who do not wait for each other.
 */
export function shippedTimes(kind: "sentinel" | "cluster", fault: PrimaryFault): Drill {
  const name = `${kind}-primary-${fault}-shipped`;
  const timeout = kind === "cluster" ? "cluster-node-timeout 15 s" : "down-after-milliseconds 30 s";
  return {
    name,
    about: `${fault === "killed" ? "SIGKILL" : "SIGSTOP"} of a primary of a ${kind} as it is shipped (${timeout}), under a steady load from three processes`,
    proves: "no call outlives its deadline, and its error says why",
    async run({ faults }) {
      const topology = await startTopology(kind, { shipped: true });
      const load = await FleetUnderLoad.start(topology.config, { pace, sessions });
      const brokenAt: number[] = [];
      try {
        for (let turn = 0; turn < faults; turn += 1) {
          await whileLoadRuns(around);
          brokenAt.push(performance.timeOrigin + performance.now());
          await topology.breakPrimary(fault, turn);
          await topology.heal();
        }
        await whileLoadRuns(around);
        const totals = await load.settle();
        const outages = brokenAt.map((at, turn) => outage(requestsOf(totals), at, brokenAt[turn + 1]));
        return { name, faults, ...judge(totals, outages) };
      } finally {
        await load.stop();
        await topology.stop();
      }
    },
  };
}

function requestsOf({ reports }: LoadTotals): readonly WorkerRequest[] {
  return reports.flatMap(({ requests }) => requests);
}

function outage(requests: readonly WorkerRequest[], from: number, next = Infinity): Outage {
  const ended = requests.filter(({ at, waited }) => at + waited >= from && at + waited < next);
  const met = ended.filter(({ waited, failed }) => failed || waited > noticed);
  const to = Math.max(from, ...met.map(({ at, waited }) => at + waited));
  const failed = met.filter((request) => request.failed).length;
  const came = ended.filter(({ at }) => at <= to).length;
  return { lasted: to - from, requests: came, failed, delayed: met.length - failed };
}

function judge(
  totals: LoadTotals,
  outages: readonly Outage[],
): { readonly figures: Readonly<Record<string, number>>; readonly failures: readonly string[] } {
  const { acknowledged, lost, twice, failures, missing, longestWait } = totals;
  const findings = new Findings();
  const sum = (count: (outage: Outage) => number): number => outages.reduce((total, each) => total + count(each), 0);
  const requests = sum((each) => each.requests);
  const failed = sum((each) => each.failed);
  const share = (count: number): number => Number(((100 * count) / Math.max(1, requests)).toFixed(1));
  const odd = failures.find(({ code }) => !typed.includes(code));
  findings.expect(odd === undefined, `a call failed with ${odd?.code}: ${odd?.message}`);
  findings.expect(failures.length === failed, `${failures.length - failed} calls failed outside of the outages`);
  findings.expect(longestWait <= promised, `a call took ${Math.round(longestWait)} ms`);
  findings.expect(twice === 0, `${twice} increments were made twice`);
  findings.expect(missing === 0, `${missing} times a session was missing`);
  findings.expect(acknowledged > 0, "the load acknowledged nothing");
  const figures = {
    acknowledged,
    lost,
    twice,
    errors: failures.length,
    "longest wait ms": Math.round(longestWait),
    "recovery ms": Math.round(Math.max(...outages.map(({ lasted }) => lasted))),
    "requests meanwhile": requests,
    "of them failed %": share(failed),
    [`of them waited over ${noticed / 1_000} s %`]: share(sum((each) => each.delayed)),
  };
  return { figures, failures: findings.failures };
}
