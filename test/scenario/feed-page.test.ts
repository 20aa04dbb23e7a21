import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { Feed } from "../../src/feed/feed.js";
import { startSingle } from "../support/servers/single.js";
import { Shell } from "../support/shell.js";
import { until } from "../support/until.js";
import { openBackend } from "../unit/backend/open-backend.js";

const page = readFileSync(new URL("../../docs/feed.md", import.meta.url), "utf8");
const commands = [...page.matchAll(/```sh\n(redis-cli .*)\n```/g)].map((match) => match[1] ?? "");

/** The words that a command of the page hands to redis-cli, which is not on every machine. */
async function wordsOf(command: string, variables: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const shell = new Shell(`redis-cli() { printf '%s\\0' "$@"; }\n${command}`, variables);
  assert.equal(await shell.exited, 0, shell.stderr);
  return shell.stdout.split("\0").slice(0, -1);
}

test("another program appends with one command of docs/feed.md, and is heard at once with the other", async () => {
  assert.equal(commands.length, 2);
  const topology = await startSingle();
  const backend = openBackend({ nodes: [topology.server], namespace: "page" });
  const feed = new Feed({
    backend,
    clock: systemClock,
    details: () => ({ name: "one", version: "0.0.0", settings: {} }),
    onDiffer: () => undefined,
    onError: (error) => assert.fail(String(error)),
  });
  try {
    const applied: string[] = [];
    const key = backend.keys.key("cache", "b0", "log");
    const consumer = {
      apply: ({ payload }: { readonly payload: string }) => applied.push(payload),
      flush: assert.fail,
    };
    // At rest: without the message the entry is found only within five seconds.
    const followed = feed.follow("cache", [{ name: "b0", key, consumer }], () => false);
    await followed.started();
    const listeners = async (): Promise<unknown> =>
      topology.server.command("PUBSUB", "NUMSUB", backend.keys.hintChannel("cache"));
    await until(async () => ((await listeners()) as unknown[])[1] === 1, { what: "the instance to listen" });
    const variables = { key, payload: '{"k": ["it\'s $1"]}', namespace: "page", room: "cache", log: "b0" };
    const [append = "", tell = ""] = commands;
    const id = String(await topology.server.command(...(await wordsOf(append, variables))));
    await topology.server.command(...(await wordsOf(tell, { ...variables, id })));
    await until(() => applied.length === 1, { what: "the entry" });
    assert.deepEqual(applied, [variables.payload]);
    assert.equal(feed.stats().gaps, 1);
  } finally {
    await feed.close();
    await topology.stop();
  }
});
