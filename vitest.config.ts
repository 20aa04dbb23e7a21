import { defineConfig } from "vitest/config";
import { findChromium } from "./test/support/browser/find-chromium.js";

/** Real servers start once per project, before its first test; `inject("topology")` in a test says where they are. */
function conformance(topology: "memory" | "single" | "sentinel" | "cluster", groupOrder: number): object {
  return {
    extends: true,
    test: {
      name: topology,
      include: ["test/conformance/*.test.ts"],
      env: { TEST_TOPOLOGY: topology },
      globalSetup: topology === "memory" ? [] : [`test/support/setup/${topology}.ts`],
      sequence: { groupOrder },
    },
  };
}

function project(name: string, include: readonly string[], groupOrder: number, more: object = {}): object {
  return { extends: true, test: { name, include, sequence: { groupOrder }, ...more } };
}

// Groups run one after another: what needs a topology for itself, builds packages or drives a browser does not share the cores.
export default defineConfig({
  test: {
    allowOnly: false,
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      project("unit", ["test/{unit,walls,generator,runner}/**/*.test.ts", "test/demo/*.test.ts"], 0),
      conformance("memory", 0),
      project("express", ["test/express/**/*.test.ts"], 0),
      conformance("single", 1),
      conformance("sentinel", 2),
      conformance("cluster", 3),
      project("scenario", ["test/scenario/**/*.test.ts", "test/demo/processes/*.test.ts"], 4, {
        // They wait for servers more than they compute.
        maxWorkers: 3,
        testTimeout: 90_000,
      }),
      project("packaging", ["test/packaging/**/*.test.ts"], 5, {
        globalSetup: ["test/packaging/setup.ts"],
        maxWorkers: 1,
        maxConcurrency: 2,
        testTimeout: 120_000,
      }),
      // Only where there is a browser; scripts/test.mjs says so where there is none.
      ...(findChromium() === undefined
        ? []
        : [project("browser", ["test/demo/browser/*.test.ts"], 6, { maxWorkers: 1, testTimeout: 90_000 })]),
    ],
  },
});
