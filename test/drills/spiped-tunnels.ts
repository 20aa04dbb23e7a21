import { startSentinel } from "../support/servers/sentinel.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { SpipedTunnels } from "../support/spiped.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import { judge, recovery } from "./verdict.js";

const around = 1_500;

/** Sentinels and data nodes behind a spiped tunnel each; the addresses that the sentinels tell lead through the tunnels. */
export const spipedTunnels: Drill = {
  name: "sentinel-spiped-tunnels",
  about: "SIGKILL of a primary, all servers and sentinels reached through spiped tunnels by an address map",
  proves: "announced addresses are translated where they are dialled",
  async run({ faults }): Promise<DrillResult> {
    const topology = await startSentinel();
    const tunnels = await SpipedTunnels.start(topology.processes);
    const map = Object.entries(tunnels.entrances).map(([server, { host, port }]) => `${server}=${host}:${port}`);
    process.env["FLEET_ADDRESS_MAP"] = map.join(",");
    let load: FleetUnderLoad | undefined;
    const findings = new Findings();
    try {
      load = await FleetUnderLoad.start(topology.config);
      for (let turn = 0; turn < faults; turn += 1) {
        await whileLoadRuns(around);
        const primary = await topology.primary();
        await topology.processAt(primary).kill("SIGKILL");
        await whileLoadRuns(around);
        await topology.primaryOtherThan(primary);
        await topology.processAt(primary).restart();
        await topology.settled();
      }
      await whileLoadRuns(around);
      const direct = await directClients(topology, tunnels);
      findings.expect(direct === 0, `${direct} connections of the fleet went past the tunnels`);
      const name = spipedTunnels.name;
      return judge(await load.settle(), { name, faults, longestWait: recovery.fault, mayLose: true, findings });
    } finally {
      await load?.stop();
      delete process.env["FLEET_ADDRESS_MAP"];
      await tunnels.stop();
      await topology.stop();
    }
  },
};

/** Connections of the fleet to data servers and sentinels that do not come out of a tunnel. */
async function directClients(topology: SentinelTopology, tunnels: SpipedTunnels): Promise<number> {
  let direct = 0;
  for (const server of topology.processes) {
    const list = String(await server.command("CLIENT", "LIST"));
    for (const [, port] of list.matchAll(/ addr=127\.0\.0\.1:(\d+) .* name=drill-/g)) {
      if (!(await tunnels.owns(Number(port)))) direct += 1;
    }
  }
  return direct;
}
