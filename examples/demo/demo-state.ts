import type { Instance as FleetInstance, Topology, TopologyNode } from "express-fleet";
import type { AppName } from "./app.js";
import type { Balancer } from "./balancer.js";
import { possibleActions, type InstanceAction } from "./instance-actions.js";
import type { Instance, InstancePhase } from "./instances.js";
import type { OwnServer } from "./own-servers.js";
import type { DemoEvent } from "./serve.js";
import { addressText, type ServerAction } from "./server-rules.js";
import type { Columns } from "./table.js";
import type { Row } from "./trials/run.js";

/** What the page shows; plain data. */
export interface DemoState {
  readonly words: string;
  readonly columns: Columns;
  /** The balancers have all their instances: users may come. */
  readonly ready: boolean;
  /** The trial that runs now. */
  readonly running: string | undefined;
  readonly rows: readonly Row[];
  readonly instances: readonly InstanceState[];
  readonly servers: readonly ServerState[];
  /** Started by the demo, named by the environment, or none. */
  readonly serversAre: "own" | "foreign" | "none";
  /** The newest first. */
  readonly events: readonly DemoEvent[];
}

export interface InstanceState {
  readonly name: string;
  readonly app: AppName;
  readonly phase: InstancePhase;
  readonly pid: number | undefined;
  readonly port: number;
  /** The balancer hands it requests. */
  readonly available: boolean;
  /** Requests that it has answered. */
  readonly served: number;
  /** Milliseconds since the fleet heard that it lives; undefined when it is none of the fleet's living instances. */
  readonly heard: number | undefined;
  /** What can be done with it now. */
  readonly actions: readonly InstanceAction[];
}

/** A server as the fleet knows it, with what only the demo knows of those that it started. */
export interface ServerState {
  readonly id: string;
  readonly address: string;
  readonly role: TopologyNode["role"];
  readonly slots: NonNullable<TopologyNode["slots"]>;
  /** The address of its primary. */
  readonly replicaOf: string | undefined;
  readonly state: TopologyNode["state"] | "not-running";
  readonly action: ServerAction | undefined;
  /** Why that cannot be done now. */
  readonly refusal: string | undefined;
}

/** One instance, as its balancer and the fleet see it too. */
export function describeInstance(
  instance: Instance,
  balancer: Balancer | undefined,
  living: readonly FleetInstance[],
): InstanceState {
  const { name, phase, pid, port, settings } = instance;
  return {
    name,
    app: settings.app,
    phase,
    pid,
    port,
    available: balancer?.available.some((target) => target.name === name) ?? false,
    served: balancer?.served(name) ?? 0,
    heard: settings.app === "ours" ? living.find((other) => other.name === name)?.age : undefined,
    actions: possibleActions(instance),
  };
}

/** The fleet as one of its instances sees it. */
export interface FleetView {
  readonly topology: Topology | undefined;
  readonly instances: readonly FleetInstance[];
}

/** First the demo's own servers, always in the same order, then others that the fleet knows. */
export function describeServers(own: readonly OwnServer[], topology: Topology | undefined): readonly ServerState[] {
  const nodes = new Map(topology?.nodes.map((node) => [nodeAddress(node), node]));
  const others = [...nodes.keys()].filter((address) => own.every((server) => server.address !== address));
  const all = [...own, ...others.map((address) => ({ address, running: true, option: undefined }))];
  return all.map(({ address, running, option }) => {
    const node = nodes.get(address);
    const primary = topology?.nodes.find(({ id }) => id === node?.replicaOf);
    return {
      id: node?.id ?? address,
      address,
      role: node?.role ?? "unknown",
      slots: node?.slots ?? [],
      replicaOf: primary === undefined ? undefined : nodeAddress(primary),
      state: running ? (node?.state ?? "not-connected") : "not-running",
      action: option?.action,
      refusal: option?.refusal,
    };
  });
}

/** What the first of our instances that answers knows of the servers and of the other instances. */
export async function askFleet(instances: readonly Instance[]): Promise<FleetView> {
  for (const { settings, phase, port } of instances) {
    if (settings.app !== "ours" || phase !== "running") continue;
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/instance`, { signal: AbortSignal.timeout(500) });
      return (await answer.json()) as FleetView;
    } catch {
      // Another one may answer.
    }
  }
  return { topology: undefined, instances: [] };
}

/** The embedded memory has no port. */
function nodeAddress({ host, port }: TopologyNode): string {
  return port === 0 ? host : addressText({ host, port });
}
