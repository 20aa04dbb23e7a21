import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";
import type { DrillResult } from "../drills/drill.js";
import { startChild } from "../support/child.js";

const main = fileURLToPath(new URL("../../build/test/drills/main.js", import.meta.url));
// Primaries that die are in backend-sentinel, backend-cluster, sentinel-faults and cluster-faults.
const names = ["single-restarted", "server-gone", "rolling-deploy"];

/** Each of these drills once, in its shortest form; `npm run drills -- --faults N` is the long one. */
describe("drills, one fault each", () => {
  for (const name of names) {
    test(name, async () => {
      const child = startChild(main, { arguments: ["--json", "--faults", "1", "--only", name], lifetime: 80_000 });
      const { code } = await child.exited;
      const [result] = JSON.parse(child.stdout.trim().split("\n").at(-1) ?? "[]") as DrillResult[];
      assert.deepEqual(result?.failures, [], child.stderr);
      assert.equal(code, 0, child.stderr);
    });
  }
});
