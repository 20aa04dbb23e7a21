import { randomBytes } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { restartWithPassword } from "../support/servers/redis-process-passwords.js";
import { startSentinel } from "../support/servers/sentinel.js";
import { SentinelTopology } from "../support/servers/sentinel-topology.js";
import { SingleTopology, startSingle } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import type { WorkerReport } from "./worker-protocol.js";
import { judge } from "./verdict.js";

const around = 1_500;
const fileIsLateBy = 1_000;
// The file is looked at every second, and a server that refused is tried again every second.
const promised = 3_000;
// The restart and the second without a file are waited too; what is promised counts from the file's change.
const longestWait = 8_000;

type Secured = SingleTopology | SentinelTopology;

/** All servers are restarted with another password; the file in which the fleet finds it follows a second later. */
export function newPassword(kind: "single" | "sentinel"): Drill {
  const name = `${kind}-new-password`;
  return {
    name,
    about: `all servers of a ${kind} restarted with a new password; the file that holds it is replaced 1 s later`,
    proves: "a password is read from its file anew at each connection",
    async run({ faults }): Promise<DrillResult> {
      let password = randomPassword();
      let topology = await start(kind, password);
      const file = join(topology.processes[0]?.directory ?? "", "secret");
      await writeFile(file, password);
      const variables =
        kind === "single" ? ["FLEET_PASSWORD_FILE"] : ["FLEET_PASSWORD_FILE", "FLEET_SENTINEL_PASSWORD_FILE"];
      for (const variable of variables) process.env[variable] = file;
      let load: FleetUnderLoad | undefined;
      let slowest = 0;
      try {
        load = await FleetUnderLoad.start(withoutPassword(topology));
        for (let turn = 0; turn < faults; turn += 1) {
          await whileLoadRuns(around);
          const next = randomPassword();
          await restartWithPassword(topology.processes, password, next);
          topology = reopened(topology, next);
          password = next;
          await whileLoadRuns(fileIsLateBy);
          await replaceFile(file, password);
          slowest = Math.max(slowest, await untilServed(load));
          if (topology instanceof SentinelTopology) await topology.settled();
        }
        await whileLoadRuns(around);
        const findings = new Findings();
        findings.expect(slowest <= promised, `calls were served again only ${slowest} ms after the file's change`);
        const figures = { "recovery ms after the file's change": slowest };
        return judge(await load.settle(), { name, faults, longestWait, figures, findings });
      } finally {
        await load?.stop();
        for (const variable of variables) delete process.env[variable];
        await topology.stop();
      }
    },
  };
}

function randomPassword(): string {
  return randomBytes(12).toString("hex");
}

function start(kind: "single" | "sentinel", password: string): Promise<Secured> {
  if (kind === "single") return startSingle({ appendOnly: true, password });
  return startSentinel({ appendOnly: true, password, sentinelPassword: password });
}

/** The same servers, as they are to be spoken to now. */
function reopened({ config, processes }: Secured, password: string): Secured {
  if (config.sentinel === undefined) return new SingleTopology({ ...config, password }, processes);
  return new SentinelTopology({ ...config, password, sentinel: { ...config.sentinel, password } }, processes);
}

/** Without it in the address the fleet takes it from the file. */
function withoutPassword({ config: { kind, nodes, sentinel } }: Secured): Secured["config"] {
  return { kind, nodes, ...(sentinel === undefined ? {} : { sentinel: { name: sentinel.name } }) };
}

/** As those do who hand out secrets: at every moment one whole file is there. */
async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.next`, text);
  await rename(`${file}.next`, file);
}

/** Milliseconds until every process had something acknowledged; before, every server refused it. */
async function untilServed(load: FleetUnderLoad): Promise<number> {
  const began = performance.now();
  const before = (await load.reports()).map(acknowledgedBy);
  await until(
    async () => (await load.reports()).every((report, index) => acknowledgedBy(report) > (before[index] ?? 0)),
    {
      what: "every process to be served again",
    },
  );
  return Math.round(performance.now() - began);
}

function acknowledgedBy({ acknowledged }: WorkerReport): number {
  return Object.values(acknowledged).reduce((sum, count) => sum + count, 0);
}
