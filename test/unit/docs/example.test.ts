import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "vitest";

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

test("the program in the README is the example that is compiled and run", () => {
  assert.ok(read("README.md").includes(`\`\`\`ts\n${read("examples/express-app.ts")}\`\`\`\n`));
});
