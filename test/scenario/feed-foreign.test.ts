import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { FollowedLogs } from "../../src/feed/followed-logs.js";
import { createRedisLogStore } from "../../src/feed/redis-log-store.js";
import { sendCommand } from "../support/resp-client.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { openBackend } from "../unit/backend/open-backend.js";

// What other programs, and people, do to a log by hand.

let topology: SingleTopology;
let number = 0;
let namespace: string;
beforeAll(async () => {
  topology = await startSingle();
});
beforeEach(() => {
  namespace = `foreign-${(number += 1)}`;
});
afterAll(() => topology?.stop());

interface Following {
  readonly followed: FollowedLogs;
  readonly notes: string[];
  readonly counted: string[];
  readonly key: string;
}

async function follow(): Promise<Following> {
  const backend = openBackend({ nodes: [topology.server], namespace });
  const [notes, counted]: [string[], string[]] = [[], []];
  const key = backend.keys.key("cache", "b0", "log");
  const followed = new FollowedLogs({
    backend,
    store: createRedisLogStore(backend),
    clock: systemClock,
    channel: backend.keys.hintChannel("cache"),
    logs: [
      {
        name: "b0",
        key,
        consumer: { apply: ({ payload }) => void notes.push(payload), flush: (reason) => void notes.push(reason) },
      },
    ],
    busy: () => true,
    count: (what) => counted.push(what),
  });
  onTestFinished(() => followed.close());
  await followed.started();
  return { followed, notes, counted, key };
}

function redis(...words: (string | number)[]): Promise<unknown> {
  return sendCommand(topology.server.address, ...words);
}

describe("another program", () => {
  test("is heard within the sync interval when it appends with a plain XADD", async () => {
    const [one, two] = [await follow(), await follow()];
    const began = performance.now();
    await redis("XADD", one.key, "*", "p", '{"k":["a"]}');
    await until(() => [one, two].every(({ notes }) => notes.length === 1), { what: "the entry", every: 5 });
    // Every 500 ms, give or take a tenth; the rest is for a busy machine.
    expect(performance.now() - began).toBeLessThan(2_500);
    await redis("XADD", one.key, "MAXLEN", "~", 10_000, "*", "p", "second", "x", "a field of its own");
    await one.followed.append("b0", "ours");
    await until(() => [one, two].every(({ notes }) => notes.length === 3), { what: "all entries" });
    for (const { notes, counted } of [one, two]) {
      expect(notes).toEqual(['{"k":["a"]}', "second", "ours"]);
      expect(counted.filter((what) => what !== "gap")).toEqual([]);
    }
  });

  test("is heard when it names itself and its operation, also in bytes that are no text", async () => {
    const { followed, notes, counted, key } = await follow();
    await redis("XADD", key, "*", "o", "core", "n", "core:1", "p", "named");
    const bytes = `return redis.call("XADD", KEYS[1], "*", "o", "\\255\\254", "n", "\\128\\0\\200", "p", ARGV[1])`;
    const heard = ["named", "in bytes", "in letters"];
    const appends = [
      () => Promise.resolve(),
      () => redis("EVAL", bytes, 1, key, "in bytes"),
      () => redis("XADD", key, "*", "o", "größe", "n", "été", "p", "in letters"),
    ];
    for (const [index, append] of appends.entries()) {
      await append();
      // Each is read more than once: as what follows, and as what was applied last.
      for (let round = 0; round < 3; round += 1) await followed.follower("b0").sync();
      expect([notes, counted]).toEqual([heard.slice(0, index + 1), []]);
    }
    await followed.append("b0", "ours");
    await until(() => notes.length === 4, { what: "our entry" });
    expect(counted.filter((what) => what !== "gap")).toEqual([]);
  });

  test("that publishes nonsense on the channel of hints changes nothing", async () => {
    const { followed, notes, counted, key } = await follow();
    await followed.append("b0", "1");
    await until(() => notes.length === 1, { what: "the first" });
    const position = followed.follower("b0").position as string;
    const forged = ["b0", position, "x", "99999999999999999999-0", "core", "core:1", "forged"];
    const all = ["", "PING", "[]", "{}", JSON.stringify(forged), JSON.stringify(["other", ...forged.slice(1)])];
    for (const text of all) await redis("PUBLISH", `${namespace}:hint:cache`, text);
    await followed.append("b0", "2");
    await until(() => notes.length === 2, { what: "the second" });
    await followed.follower("b0").sync();
    expect([notes, counted]).toEqual([["1", "2"], []]);
    expect(await redis("XLEN", key)).toBe(3);
  });
});
