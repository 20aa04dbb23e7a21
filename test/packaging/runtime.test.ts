import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { runNode } from "./run.js";

const { app, inside } = inject("packaging");

test.each(["import.mjs", "require.cjs"])("an Express app that says %s runs and ends by itself", async (script) => {
  expect(await runNode(app, script)).toEqual({ code: 0, output: "counted\n" });
});

test.each(["import", "require"])("%s of the front door, and a memory backend, load no ioredis", async (how) => {
  const { code, output } = await runNode(app, "front-door.cjs", how);
  // The last one shows that the probe sees ioredis when it is there.
  expect({ code, seen: JSON.parse(output) as unknown }).toEqual({
    code: 0,
    seen: { front: false, memory: false, redis: true },
  });
});

test("a CommonJS test of Jest 30 uses the package", async () => {
  cpSync(fileURLToPath(new URL("consumers/jest", import.meta.url)), inside.jest, { recursive: true });
  const jest = join(inside.jest, "../node_modules/jest/bin/jest.js");
  const { code, output } = await runNode(inside.jest, jest, "--ci", "--rootDir", inside.jest);
  expect(output).toContain("Tests:       1 passed, 1 total");
  expect(code).toBe(0);
});
