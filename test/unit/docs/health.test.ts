import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { Shell } from "../../support/shell.js";

const page = readFileSync(new URL("../../../docs/health.md", import.meta.url), "utf8");
const script = /```sh\n(# Ends with 1.*?)```/s.exec(page)?.[1] ?? "";

/** Runs the page's script; each instance answers with the given settings, or not at all. */
async function compare(...answers: readonly (string | undefined)[]): Promise<{ code: number | null; lines: string[] }> {
  const cases = answers.map((settings, index) =>
    settings === undefined ? `*web-${index + 1}:*) return 7 ;;` : `*web-${index + 1}:*) echo '${settings}' ;;`,
  );
  // What curl and jq do with such an answer: neither is on every machine.
  const shell = new Shell(`curl() { case "$2" in ${cases.join(" ")} esac; }\njq() { cat; }\n${script}`);
  const code = await shell.exited;
  assert.equal(shell.stderr, "");
  return { code, lines: shell.stdout.trim().split("\n") };
}

describe("the script of docs/health.md", () => {
  test("goes on when all instances say the same", async () => {
    assert.deepEqual(await compare("aaaa", "aaaa", "aaaa"), {
      code: 0,
      lines: ["web-1 aaaa", "web-2 aaaa", "web-3 aaaa"],
    });
  });

  test("stops at one that says something else, and shows it", async () => {
    assert.deepEqual(await compare("aaaa", "aaaa", "bbbb"), {
      code: 1,
      lines: ["web-1 aaaa", "web-2 aaaa", "web-3 bbbb"],
    });
  });

  test("stops at one that does not answer, also when nobody does", async () => {
    assert.deepEqual(await compare("aaaa", undefined, "aaaa"), { code: 1, lines: ["web-1 aaaa", "web-2 no answer"] });
    assert.deepEqual(await compare(undefined, undefined, undefined), { code: 1, lines: ["web-1 no answer"] });
  });
});
