import { startSentinel } from "../support/servers/sentinel.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";

const around = 1_500;

/** `SENTINEL FAILOVER` under load: the write fence lets no write be acknowledged by a primary that is about to lose it. */
export const plannedFailover: Drill = {
  name: "sentinel-planned-failover",
  about: "SENTINEL FAILOVER of a healthy primary, under load from three processes",
  async run({ faults }): Promise<DrillResult> {
    const topology = await startSentinel();
    const load = await FleetUnderLoad.start(topology.config);
    try {
      for (let turn = 0; turn < faults; turn += 1) {
        await whileLoadRuns(around);
        await topology.failover();
        await whileLoadRuns(around);
        // The old primary follows the new one only after some seconds; the next failover needs it.
        await topology.settled();
      }
      const { acknowledged, lost, twice, failures, missing, longestWait } = await load.settle();
      const findings = new Findings();
      findings.expect(failures.length === 0, `${failures.length} calls failed, the first with ${failures[0]?.message}`);
      findings.expect(twice === 0, `${twice} increments were made twice`);
      findings.expect(lost === 0, `${lost} acknowledged increments are lost`);
      findings.expect(missing === 0, `${missing} times a session was missing`);
      findings.expect(acknowledged > 0, "the load acknowledged nothing");
      const figures = {
        acknowledged,
        lost,
        twice,
        errors: failures.length,
        "longest wait ms": Math.round(longestWait),
      };
      return { name: plannedFailover.name, faults, figures, failures: findings.failures };
    } finally {
      await load.stop();
      await topology.stop();
    }
  },
};
