import { startSentinel } from "../support/servers/sentinel.js";
import { type Drill, type DrillResult, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import type { PrimaryFault } from "./topologies.js";
import { judge, recovery } from "./verdict.js";

const around = 1_500;
// Longer than the deadline of a call: one that waits for the frozen sentinel fails.
const afterFault = 9_000;

/** A primary fails while the first sentinel of the list is frozen: it accepts connections and answers nothing. */
export function firstSentinelFrozen(fault: PrimaryFault): Drill {
  const name = `sentinel-first-frozen-primary-${fault}`;
  return {
    name,
    about: `SIGSTOP of the first sentinel of the list, then ${fault === "killed" ? "SIGKILL" : "SIGSTOP"} of the primary`,
    proves: "all sentinels are asked, and what most of those that answer name counts",
    async run({ faults }): Promise<DrillResult> {
      const topology = await startSentinel();
      const load = await FleetUnderLoad.start(topology.config);
      const [first] = topology.config.nodes;
      if (first === undefined) throw new Error("no sentinel was started");
      const sentinel = topology.processAt(first);
      try {
        for (let turn = 0; turn < faults; turn += 1) {
          const primary = await topology.primary();
          const server = topology.processAt(primary);
          await whileLoadRuns(around);
          sentinel.pause();
          await whileLoadRuns(around);
          if (fault === "frozen") server.pause();
          else await server.kill("SIGKILL");
          await whileLoadRuns(afterFault);
          await topology.primaryOtherThan(primary);
          sentinel.resume();
          if (fault === "frozen") server.resume();
          else await server.restart();
          await topology.settled();
        }
        await whileLoadRuns(around);
        const longestWait = fault === "frozen" ? recovery.freeze : recovery.fault;
        return judge(await load.settle(), { name, faults, longestWait, mayLose: true });
      } finally {
        await load.stop();
        await topology.stop();
      }
    },
  };
}
