import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Balancer } from "../../examples/demo/balancer.js";
import { instancesOf, type Instance } from "../../examples/demo/instances.js";
import type { SessionView } from "../../examples/demo/app.js";
import { startLoad, summarize } from "../support/load.js";
import { startSingle } from "../support/servers/single.js";
import { connectionString } from "../support/servers/topology.js";
import { type Drill, type DrillResult, Findings, whileLoadRuns } from "./drill.js";

const clients = 16;
const between = 700;

/** SIGTERM to each of three instances in turn, under load through a balancer, each started again before the next. */
export const rollingDeploy: Drill = {
  name: "rolling-deploy",
  about: "SIGTERM to three instances in a row behind a balancer, under load from sixteen browsers",
  async run({ faults }): Promise<DrillResult> {
    const findings = new Findings();
    const topology = await startSingle();
    process.env["FLEET_BACKEND"] = connectionString(topology.config);
    const namespace = `drill-${randomBytes(4).toString("hex")}`;
    const secret = randomBytes(32).toString("hex");
    const instances = await instancesOf("ours", { embedded: false, namespace, secret });
    await Promise.all(instances.map((instance) => instance.start()));
    const balancer = new Balancer(instances);
    const server = createServer((req, res) => void balancer.handle(req, res));
    try {
      const { requests, failed, unsaved, stops } = await deploy(instances, await listen(server), faults);
      const unclean = instances.flatMap(({ events }) => events).filter(({ text }) => text.startsWith("stopped: "));
      findings.expect(failed.length === 0, `${failed.length} requests failed: ${[...new Set(failed)].join(", ")}`);
      findings.expect(unsaved === 0, `${unsaved} acknowledged increments are not in their sessions`);
      findings.expect(unclean.length === 0, `an instance did not end by itself: ${unclean[0]?.text ?? ""}`);
      findings.expect(requests > 0, "the load made no request");
      return {
        name: rollingDeploy.name,
        faults: stops,
        figures: { requests, failed: failed.length, unsaved },
        failures: findings.failures,
      };
    } finally {
      delete process.env["FLEET_BACKEND"];
      server.close();
      server.closeAllConnections();
      balancer.close();
      await Promise.all(instances.map((instance) => instance.stop()));
      await topology.stop();
    }
  },
};

interface Outcome {
  readonly requests: number;
  readonly failed: readonly string[];
  readonly unsaved: number;
  readonly stops: number;
}

async function deploy(instances: readonly Instance[], origin: string, rounds: number): Promise<Outcome> {
  const acknowledged = new Array<number>(clients).fill(0);
  const seen = new Array<number>(clients).fill(0);
  const load = startLoad({
    origin,
    clients,
    requests: 1_000_000,
    duration: 3_600_000,
    rest: 2,
    make: () => ({ method: "POST", path: "/count" }),
    onResponse({ status, text }, { client }) {
      if (status !== 200) return;
      acknowledged[client] = (acknowledged[client] ?? 0) + 1;
      seen[client] = (JSON.parse(text) as SessionView).count;
    },
  });
  let stops = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const instance of instances) {
      await whileLoadRuns(between);
      await instance.stop();
      await instance.start();
      stops += 1;
    }
  }
  await whileLoadRuns(between);
  const records = await load.stop();
  const failed = records.filter(({ status }) => status !== 200).map(({ status, error }) => error ?? String(status));
  // Each browser's session counts its own requests one after the other: what it last saw is what is stored.
  const unsaved = acknowledged.reduce((sum, told, client) => sum + Math.max(0, told - (seen[client] ?? 0)), 0);
  return { requests: summarize(records).requests, failed, unsaved, stops };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
