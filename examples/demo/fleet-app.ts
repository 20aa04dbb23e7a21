import { setTimeout as pause } from "node:timers/promises";
import type { Express } from "express";
import { createFleet, type Fleet, type Logger, type Topology } from "express-fleet";
import { createApp } from "./app.js";
import type { DemoEvent, InstanceSettings } from "./serve.js";

/** The same app on a fleet. */
export interface FleetApp {
  readonly app: Express;
  readonly fleet: Fleet;
}

/** One instance of a fleet; its events are told to `report`. Rejects with the diagnosis when the backend does not answer. */
export async function fleetApp(settings: InstanceSettings, report: (event: DemoEvent) => void): Promise<FleetApp> {
  const tell = (kind: DemoEvent["kind"], text: string): void =>
    report({ at: Date.now(), instance: settings.name, kind, text });
  const fleet = createFleet({
    // Real servers are named by the environment, as in an app of yours.
    ...(settings.embedded ? { backend: { memory: "demo" } } : {}),
    namespace: settings.namespace,
    instance: settings.name,
    sessions: { merge: { fields: { count: "counter" } } },
    logger: loggerFor(tell),
  });
  fleet.on("state", ({ from, to, reason }) => tell("state", `${from} → ${to}: ${reason}`));
  fleet.on("failover", ({ from, to }) => tell("failover", `${from} → ${to}`));
  fleet.on("topology", (topology) => tell("topology", inWords(topology)));
  try {
    await fleet.ready();
  } catch (error) {
    await fleet.close();
    throw error;
  }
  const middleware = fleet.sessions.middleware({ secret: settings.secret });
  const describe = async (): Promise<object> => ({
    name: settings.name,
    pid: process.pid,
    state: fleet.state,
    topology: fleet.topology(),
    // Without an answer of the backend nobody knows who lives, and the page does not wait for one.
    instances: await Promise.race([fleet.instances(), pause(200, [])]).catch(() => []),
  });
  return { app: createApp(settings.name, { session: middleware, health: fleet.health.router() }, describe), fleet };
}

/** Its servers by their role. */
function inWords({ nodes }: Topology): string {
  const roles = [...new Set(nodes.map(({ role }) => role))];
  const serversOf = (role: string): string[] =>
    nodes.filter((node) => node.role === role).map(({ host, port }) => `${host}:${port}`);
  return roles.map((role) => `${role} ${serversOf(role).join(", ")}`).join("; ");
}

function loggerFor(tell: (kind: "warning", text: string) => void): Logger {
  const nothing = (): void => undefined;
  const say = (_fields: object, message: string): void => tell("warning", message);
  return { debug: nothing, info: nothing, warn: say, error: say };
}
