import type { TestProject } from "vitest/node";
import { provideTopology } from "./provide-topology.js";

/** vitest globalSetup of the project `cluster`. */
export function setup(project: TestProject): Promise<() => Promise<void>> {
  return provideTopology(project, "cluster");
}
