import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const documented = new Set(readFileSync(join(root, "docs/errors.md"), "utf8").match(/(?:ERR|WARN|INFO)_FLEET\w*/g));

function codesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .flatMap(
      (entry) =>
        readFileSync(join(entry.parentPath, entry.name), "utf8").match(/"(?:ERR|WARN|INFO)_FLEET\w*[A-Z]"/g) ?? [],
    )
    .map((quoted) => quoted.slice(1, -1));
}

describe("docs/errors.md", () => {
  const used = new Set(codesIn(join(root, "src")));

  test("explains every code that the source uses", () => {
    assert.ok(used.size > 20);
    assert.deepEqual(
      [...used].filter((code) => !documented.has(code)),
      [],
    );
  });

  test("explains no code that the source does not use", () => {
    assert.deepEqual(
      [...documented].filter((code) => !used.has(code)),
      [],
    );
  });
});
