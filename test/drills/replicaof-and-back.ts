import { freePort } from "../support/servers/free-port.js";
import { startSentinel } from "../support/servers/sentinel.js";
import { type Drill, type DrillResult, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import { judge, recovery } from "./verdict.js";

const around = 1_500;
const demoted = 2_000;

/**
 * A primary is told to follow another server while its clients stay connected, and turns every write away: every other
 * time it is told to be a primary again, else the sentinels are told to promote a replica.
 *
 * Left alone, sentinels hold a primary that says it is a replica for down only after two of their INFO periods (20 s).
 */
export const replicaofAndBack: Drill = {
  name: "sentinel-replicaof-and-back",
  about: "REPLICAOF at the primary; 2 s later back by hand, or SENTINEL FAILOVER in every second turn",
  proves: "READONLY is no answer: its call waits for a primary and is sent again",
  async run({ faults }): Promise<DrillResult> {
    const topology = await startSentinel();
    const load = await FleetUnderLoad.start(topology.config);
    try {
      for (let turn = 0; turn < faults; turn += 1) {
        const primary = await topology.primary();
        await whileLoadRuns(around);
        // To follow nobody: one that follows its own replica throws away what that has not received yet.
        await topology.command(primary, "REPLICAOF", primary.host, await freePort());
        await whileLoadRuns(demoted);
        if (turn % 2 === 0) await topology.command(primary, "REPLICAOF", "NO", "ONE");
        else await topology.failover();
        await whileLoadRuns(around);
        await topology.settled();
      }
      const longestWait = recovery.fault;
      return judge(await load.settle(), { name: replicaofAndBack.name, faults, longestWait });
    } finally {
      await load.stop();
      await topology.stop();
    }
  },
};
