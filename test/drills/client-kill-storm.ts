import { RespClient } from "../support/resp-client.js";
import type { RunningTopology } from "../support/servers/running-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle } from "../support/servers/single.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import { judge, recovery } from "./verdict.js";

const around = 1_500;
const lasts = 5_000;
const every = 50;

/** Every server ends all connections of its clients twenty times a second, those of subscribers too. */
export function clientKillStorm(kind: "single" | "sentinel"): Drill {
  const name = `${kind}-client-kill-storm`;
  return {
    name,
    about: `CLIENT KILL of all clients of every server of a ${kind}, every 50 ms for 5 s`,
    proves: "what was lost with a connection is sent again, and scripts recognise what they have done",
    async run({ faults }): Promise<DrillResult> {
      const topology = await (kind === "single" ? startSingle() : startSentinel());
      const load = await FleetUnderLoad.start(topology.config);
      const findings = new Findings();
      let killed = 0;
      try {
        for (let turn = 0; turn < faults; turn += 1) {
          await whileLoadRuns(around);
          killed += await storm(topology);
        }
        await whileLoadRuns(around);
        findings.expect(killed > 0, "no connection was ended");
        const figures = { "connections ended": killed };
        return judge(await load.settle(), { name, faults, longestWait: recovery.fault, figures, findings });
      } finally {
        await load.stop();
        await topology.stop();
      }
    },
  };
}

/** Ends all connections of the clients of every server, again and again; how many it ended. */
export async function storm(topology: RunningTopology): Promise<number> {
  const clients = await Promise.all(
    topology.servers.map((server) => RespClient.connect(topology.clientOptions(server))),
  );
  let killed = 0;
  try {
    for (let passed = 0; passed < lasts; passed += every) {
      killed += (await Promise.all(clients.map(killAll))).reduce((sum, count) => sum + count, 0);
      await whileLoadRuns(every);
    }
  } finally {
    for (const client of clients) client.close();
  }
  return killed;
}

/** All but the connection that says so. */
async function killAll(client: RespClient): Promise<number> {
  const counts = await Promise.all([
    client.command("CLIENT", "KILL", "TYPE", "normal"),
    client.command("CLIENT", "KILL", "TYPE", "pubsub"),
  ]);
  return counts.reduce<number>((sum, count) => sum + Number(count), 0);
}
