import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AppName } from "./app.js";
import { fleetApp } from "./fleet-app.js";
import { usualApp } from "./usual-app.js";

/** What one instance needs to know; plain data, for it may be another process. */
export interface InstanceSettings {
  readonly app: AppName;
  readonly name: string;
  readonly port: number;
  readonly secret: string;
  /** Before every key on real servers. */
  readonly namespace: string;
  /** No real servers: the usual app has a MemoryStore, ours a memory that the fleets of this process share. */
  readonly embedded: boolean;
}

/** Something worth showing, with its wall-clock time. */
export interface DemoEvent {
  readonly at: number;
  /** The instance that tells it; "servers" for what happened to them. */
  readonly instance: string;
  readonly kind: "state" | "failover" | "topology" | "warning" | "instance" | "server" | "takeover";
  readonly text: string;
}

/** An instance that serves in this process. */
export interface Serving {
  /** Ends it as SIGTERM does in production: ours by `fleet.close`, the usual app by `server.close`. */
  stop(): Promise<void>;
}

/** Longer than the balancer takes to see that readiness turned 503. */
const preStop = 300;

/** Starts one instance of one app in this process; resolves when it listens. */
export async function serve(settings: InstanceSettings, report: (event: DemoEvent) => void): Promise<Serving> {
  if (settings.app === "usual") {
    const { app, close } = await usualApp(settings);
    const server = await listen(createServer(app), settings.port);
    return { stop: () => closeUsual(server).then(close) };
  }
  const { app, fleet } = await fleetApp(settings, report);
  const server = await listen(createServer(app), settings.port).catch(async (error: unknown) => {
    await fleet.close();
    throw error;
  });
  return { stop: () => fleet.close({ server, preStop }) };
}

async function listen(server: Server, port: number): Promise<Server> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function closeUsual(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}
