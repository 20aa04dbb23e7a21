import { startSentinel } from "../support/servers/sentinel.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import { untilWatched } from "./sentinel-watchers.js";
import { judge, recovery } from "./verdict.js";

const processes = 3;
const around = 1_500;
const away = 30_000;
// Nothing that calls need has failed: a wait here is only the load's own.
const unnoticed = 1_000;

/** No sentinel answers for half a minute; when they are back, a failover is followed again, with its fence. */
export const sentinelsAway: Drill = {
  name: "sentinels-away",
  about: "SIGKILL of all sentinels, started again after 30 s, then a planned failover",
  proves: "a primary that answers is kept while no sentinel does; watchers of sentinels reconnect",
  async run({ faults }): Promise<DrillResult> {
    const topology = await startSentinel();
    const load = await FleetUnderLoad.start(topology.config, { processes });
    const findings = new Findings();
    let waited = 0;
    try {
      for (let turn = 0; turn < faults; turn += 1) {
        const sentinels = topology.sentinels.map((sentinel) => topology.processAt(sentinel));
        await whileLoadRuns(around);
        await Promise.all(sentinels.map((sentinel) => sentinel.kill("SIGKILL")));
        await whileLoadRuns(away);
        // A failover of an earlier turn made calls wait; what was waited without sentinels can be told of the first only.
        const reports = turn === 0 ? await load.reports() : [];
        waited = Math.max(waited, ...reports.map(({ longestWait }) => longestWait));
        await Promise.all(sentinels.map((sentinel) => sentinel.restart()));
        await topology.settled();
        await untilWatched(topology, processes + 1);
        await topology.failover();
        await whileLoadRuns(around);
        await topology.settled();
      }
      findings.expect(waited <= unnoticed, `a call waited ${Math.round(waited)} ms while no sentinel answered`);
      const figures = { "longest wait ms without sentinels": Math.round(waited) };
      const longestWait = recovery.fault;
      return judge(await load.settle(), { name: sentinelsAway.name, faults, longestWait, figures, findings });
    } finally {
      await load.stop();
      await topology.stop();
    }
  },
};
