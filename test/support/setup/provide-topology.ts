import type { TestProject } from "vitest/node";
import type { TopologyDescription, TopologyKind } from "../servers/running-topology.js";
import { startTopology } from "../servers/topology.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** The servers of this vitest project. */
    topology: TopologyDescription;
  }
}

/** Starts the servers of one vitest project before its tests, and returns what ends them after. A failure to start fails the run. */
export async function provideTopology(project: TestProject, kind: TopologyKind): Promise<() => Promise<void>> {
  const topology = await startTopology(kind);
  project.provide("topology", topology.describe());
  return () => topology.stop();
}
