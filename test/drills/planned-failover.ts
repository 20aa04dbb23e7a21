import { startSentinel } from "../support/servers/sentinel.js";
import { type Drill, type DrillResult, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import { untilWatched } from "./sentinel-watchers.js";
import { judge, recovery } from "./verdict.js";

const processes = 3;
const around = 1_500;

/** `SENTINEL FAILOVER` under load: the write fence lets no write be acknowledged by a primary that is about to lose it. */
export const plannedFailover: Drill = {
  name: "sentinel-planned-failover",
  about: "SENTINEL FAILOVER of a healthy primary, under load from three processes",
  proves: "the write fence, which holds writes back from a failover's first word until the new primary is followed",
  async run({ faults }): Promise<DrillResult> {
    const topology = await startSentinel();
    const load = await FleetUnderLoad.start(topology.config, { processes });
    try {
      // The processes, and this one's fleet.
      await untilWatched(topology, processes + 1);
      await whileLoadRuns(around);
      const began = performance.now();
      for (let turn = 0; turn < faults; turn += 1) {
        await topology.failover();
        // The old primary goes on as one until the sentinels demote it, ten seconds later: this is what the pace hangs on.
        // To demote it earlier would hide a process that still writes to it.
        await topology.settled();
      }
      const pace = (performance.now() - began) / faults;
      await whileLoadRuns(around);
      const figures = {
        "seconds per failover": Number((pace / 1_000).toFixed(1)),
        // With no failure in n faults; at 95 %.
        "rate of failures at most (3/n)": Number(Math.min(1, 3 / faults).toFixed(3)),
      };
      const { name } = plannedFailover;
      return judge(await load.settle(), { name, faults, longestWait: recovery.fault, figures });
    } finally {
      await load.stop();
      await topology.stop();
    }
  },
};
