import { startSingle } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";

const breakerOpensAfter = 8_000;
const watched = 3_000;
const settled = 1_000;
const promised = 20;

/** A single server that does not come back: calls are refused at once when the breaker is open, and nothing is written later. */
export const serverGone: Drill = {
  name: "server-gone",
  about: "SIGKILL of a single server for good, then an empty one at its address",
  async run({ faults }): Promise<DrillResult> {
    const findings = new Findings();
    let refused = 0;
    let slowest = 0;
    let slow = 0;
    let written = 0;
    for (let fault = 0; fault < faults; fault += 1) {
      const topology = await startSingle();
      const load = await FleetUnderLoad.start(topology.config);
      try {
        await whileLoadRuns(settled);
        const killedAt = Date.now();
        await topology.server.kill("SIGKILL");
        await until(async () => (await load.reports()).every((report) => report.failures.length > 0), {
          what: "every process to be refused",
          deadline: breakerOpensAfter * 2,
        });
        await whileLoadRuns(settled);
        const openAt = Date.now();
        findings.expect(openAt - killedAt >= breakerOpensAfter, "calls were given up before the deadline");
        await whileLoadRuns(watched);
        const totals = await load.settleWithoutServer();
        const late = totals.filter((failure) => failure.at >= openAt && failure.at - failure.waited >= openAt);
        refused += late.length;
        slow += late.filter(({ waited }) => waited > promised).length;
        slowest = late.reduce((most, { waited }) => Math.max(most, waited), slowest);
        findings.expect(late.length > 0, "no call was made while the breaker was open");
        findings.expect(
          late.every((failure) => failure.executed === "no"),
          "a refused call does not know that it was not executed",
        );
        // The processes are still there, say that they live, and reconnect; none of them may have kept a command for this moment.
        await topology.server.restart();
        await until(async () => (await topology.server.info("clients")).get("connected_clients") !== "1", {
          what: "the processes to reconnect",
        });
        await whileLoadRuns(settled);
        const stats = await topology.server.info("commandstats");
        for (const [command, line] of stats) {
          if (/^cmdstat_(set|get)$/.test(command)) written += Number(/calls=(\d+)/.exec(line)?.[1] ?? 0);
        }
      } finally {
        await load.stop();
        await topology.stop();
      }
    }
    findings.expect(written === 0, `${written} commands were sent after their callers were refused`);
    // The processes share two cores with everything else: a few may have waited for their turn, not for the server.
    findings.expect(slow <= refused / 100, `${slow} of ${refused} refusals took more than ${promised} ms`);
    return {
      name: serverGone.name,
      faults,
      figures: {
        refused,
        [`over ${promised} ms`]: slow,
        "slowest refusal ms": Number(slowest.toFixed(2)),
        "written later": written,
      },
      failures: findings.failures,
    };
  },
};
