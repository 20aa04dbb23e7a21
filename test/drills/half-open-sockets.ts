import { startSingle } from "../support/servers/single.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import { judge, recovery } from "./verdict.js";

const around = 1_500;
// Longer than the deadline of a call: one that waits for a stalled connection fails.
const held = 9_000;

/** A network forgets the connections to a server that is well: they stay open, and nothing goes through them any more. */
export const halfOpenSockets: Drill = {
  name: "half-open-sockets",
  about: "a proxy before a single server stalls its connections, accepts new ones, and delivers late what it held",
  proves: "a connection that is silent while commands are outstanding is ended after 2 s",
  async run({ faults }): Promise<DrillResult> {
    const topology = await startSingle();
    const proxy = await TcpProxy.start({ target: topology.server, protocol: "bytes" });
    const load = await FleetUnderLoad.start({ ...topology.config, nodes: [{ host: proxy.host, port: proxy.port }] });
    const findings = new Findings();
    let stalled = 0;
    try {
      for (let turn = 0; turn < faults; turn += 1) {
        await whileLoadRuns(around);
        stalled += proxy.stallOpen();
        await whileLoadRuns(held);
        // What was under way arrives now, after it has been sent again over another connection.
        await proxy.pass();
      }
      await whileLoadRuns(around);
      findings.expect(stalled > 0, "no connection was open");
      const figures = { "connections stalled": stalled };
      const longestWait = recovery.fault;
      return judge(await load.settle(), { name: halfOpenSockets.name, faults, longestWait, figures, findings });
    } finally {
      await load.stop();
      await proxy.stop();
      await topology.stop();
    }
  },
};
