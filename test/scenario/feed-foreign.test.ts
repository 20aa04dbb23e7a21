import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { comparePositions } from "../../src/feed/log-store.js";
import { createRedisRosterStore } from "../../src/feed/redis-roster-store.js";
import { sendCommand } from "../support/resp-client.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";
import { openBackend } from "../unit/backend/open-backend.js";
import { follow, followsToTheEnd, payloadsOf, type Following } from "./feed-following.js";

// What other programs, and people, do to a log and to the roster by hand.

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

function begin(busy?: () => boolean): Promise<Following> {
  return follow({ nodes: [topology.server], namespace }, busy);
}

function redis(...words: (string | number)[]): Promise<unknown> {
  return sendCommand(topology.server.address, ...words);
}

async function payloads(key: string): Promise<readonly string[]> {
  return payloadsOf(await redis("XRANGE", key, "-", "+"));
}

describe("another program", () => {
  test("is heard within the sync interval when it appends with a plain XADD", async () => {
    const [one, two] = [await begin(), await begin()];
    const began = performance.now();
    await redis("XADD", one.key, "*", "p", '{"k":["a"]}');
    await until(() => [one, two].every(({ notes }) => notes.length === 1), { what: "the entry", every: 5 });
    // Every 500 ms, give or take a tenth; the rest is for a busy machine.
    expect(performance.now() - began).toBeLessThan(2_750);
    await redis("XADD", one.key, "MAXLEN", "~", 10_000, "*", "p", "second", "x", "a field of its own");
    await one.followed.append("b0", "ours");
    await until(() => [one, two].every(({ notes }) => notes.length === 3), { what: "all entries" });
    for (const { notes, counted } of [one, two]) {
      expect(notes).toEqual(['{"k":["a"]}', "second", "ours"]);
      expect(counted.filter((what) => what !== "gap")).toEqual([]);
    }
  });

  test("is heard when it names itself and its operation, also in bytes that are no text", async () => {
    const { followed, notes, counted, key } = await begin();
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
    const { followed, notes, counted, key } = await begin();
    await followed.append("b0", "1");
    await until(() => notes.length === 1, { what: "the first" });
    const [last] = (await redis("XREVRANGE", key, "+", "-", "COUNT", 1)) as [string, string[]][];
    const operation = last?.[1][3] ?? "";
    const forged = ["b0", last?.[0], operation, "99999999999999999999-0", "core", "core:1", "forged"];
    const all = ["", "PING", "[]", "{}", JSON.stringify(forged), JSON.stringify(["other", ...forged.slice(1)])];
    for (const text of all) await redis("PUBLISH", `${namespace}:hint:cache`, text);
    await followed.append("b0", "2");
    await until(() => notes.length === 2, { what: "the second" });
    await followed.follower("b0").sync();
    expect([notes, counted]).toEqual([["1", "2"], []]);
    expect(await redis("XLEN", key)).toBe(3);
  });
});

describe("a log that somebody changes by hand", () => {
  test("trimmed, and nobody had missed anything: nothing happens", async () => {
    const all = [await begin(), await begin()] as const;
    for (const payload of ["1", "2", "3"]) await all[0].followed.append("b0", payload);
    await until(() => all.every(({ notes }) => notes.length === 3), { what: "all entries" });
    await redis("XTRIM", all[0].key, "MAXLEN", 1);
    for (const { followed } of all) await followed.follower("b0").sync();
    await all[0].followed.append("b0", "4");
    await until(() => all.every(({ notes }) => notes.length === 4), { what: "the next" });
    for (const { notes } of all) expect(notes).toEqual(["1", "2", "3", "4"]);
  });

  test("trimmed before it was read: those who missed something say so, and nobody hears anything twice", async () => {
    const [quick, slow] = [await begin(), await begin(() => false)];
    await quick.followed.append("b0", "1");
    await until(() => quick.notes.length === 1 && slow.notes.length === 1, { what: "the first" });
    // Nobody is told of these; the slow one reads them seconds later, the quick one now.
    await redis("XADD", quick.key, "*", "p", "2");
    await redis("XADD", quick.key, "*", "p", "3");
    await quick.followed.follower("b0").sync();
    await redis("XTRIM", quick.key, "MAXLEN", 1);
    await slow.followed.follower("b0").sync();
    expect([slow.notes, slow.counted]).toEqual([["1", "fork"], ["fork"]]);
    // What it knew and finds missing it appends; the quick one has that already.
    await until(async () => (await payloads(quick.key)).join() === "3,1", { what: "what was trimmed" });
    await quick.followed.append("b0", "4");
    await until(() => quick.notes.length === 4 && slow.notes.length === 4, { what: "the next" });
    expect(quick.notes).toEqual(["1", "2", "3", "4"]);
    expect(slow.notes).toEqual(["1", "fork", "1", "4"]);
  });

  test("grown beyond its limit before it was read: those who missed something say that it was cut", async () => {
    const slow = await begin(() => false);
    const flood = `for number = 1, 10500 do redis.call("XADD", KEYS[1], "MAXLEN", "~", 10000, "*", "p", number) end`;
    await redis("EVAL", flood, 1, slow.key);
    await slow.followed.follower("b0").sync();
    expect([slow.notes, slow.counted]).toEqual([["cut"], ["cut"]]);
    await slow.followed.append("b0", "next");
    await until(() => slow.notes.length === 2, { what: "the next" });
  });

  test.each([
    ["FLUSHALL", (): Promise<unknown> => redis("FLUSHALL")],
    [
      "DEL and an entry of another program",
      async (key: string): Promise<void> => {
        await redis("DEL", key);
        await redis("XADD", key, "*", "p", "refilled");
      },
    ],
  ] as const)("removed with %s: all flush, and what they know is appended once", async (_, remove) => {
    const all = [await begin(), await begin(), await begin()] as const;
    const [{ key }] = all;
    for (const payload of ["1", "2", "3"]) await all[0].followed.append("b0", payload);
    await until(() => all.every(({ notes }) => notes.length === 3), { what: "all entries" });
    const before = all[0].followed.follower("b0").position as string;
    await remove(key);
    const log = async (): Promise<readonly string[]> =>
      (await payloads(key)).filter((payload) => payload !== "refilled");
    await until(async () => (await log()).length === 3, { what: "what was lost to be back" });
    await until(() => all.every(({ counted }) => counted.includes("fork")), { what: "all to find it" });
    await all[1].followed.append("b0", "next");
    await until(() => all.every(({ notes }) => notes.includes("next")), { what: "the next" });
    expect(await log()).toEqual(["1", "2", "3", "next"]);
    for (const following of all) {
      const { notes, counted, followed } = following;
      expect(notes.slice(0, 4)).toEqual(["1", "2", "3", "fork"]);
      followsToTheEnd(following, await payloads(key));
      expect(counted.filter((what) => what === "fork")).toHaveLength(1);
      expect(comparePositions(followed.follower("b0").position as string, before)).toBeGreaterThan(0);
    }
  });

  test("with its end removed by XDEL: whoever had read it flushes, and following goes on", async () => {
    const { followed, notes, key } = await begin();
    await followed.append("b0", "1");
    await followed.append("b0", "2");
    await until(() => notes.length === 2, { what: "both" });
    // Of which the server still knows that their positions were given.
    const far = "20260101120000000-0";
    await redis("XADD", key, far, "p", "far ahead");
    for (const [position] of (await redis("XRANGE", key, followed.follower("b0").position as string, "+")) as [
      string,
    ][])
      await redis("XDEL", key, position);
    await until(() => notes.includes("fork"), { what: "the fork" });
    await followed.append("b0", "3");
    await until(() => notes.includes("3") && notes.filter((note) => note === "2").length === 2, { what: "the rest" });
    expect(comparePositions(followed.follower("b0").position as string, far)).toBeGreaterThan(0);
  });

  test("replaced by something that is no log: reading fails, trust ends, and it heals once that is gone", async () => {
    const { followed, notes, key } = await begin();
    await followed.append("b0", "1");
    await until(() => notes.length === 1, { what: "the first" });
    const log = followed.follower("b0");
    await redis("SET", key, "text");
    await until(() => !log.within(2_000), { what: "trust to end" });
    await expect(log.sync()).rejects.toMatchObject({ code: "ERR_FLEET_REPLY" });
    await redis("DEL", key);
    await until(() => log.within(2_000) && notes.length === 3, { what: "trust to begin anew" });
    expect(notes).toEqual(["1", "fork", "1"]);
  });
});

test("a roster in which others write tells of the instances alone", async () => {
  const backend = openBackend({ nodes: [topology.server], namespace });
  const store = createRedisRosterStore(backend);
  const key = backend.keys.key("feed", "roster", "beats");
  await redis(
    "HSET",
    key,
    "x",
    "y",
    "i:none",
    "nonsense",
    "i:half",
    "12|x",
    "i:",
    "1|2|3",
    "j:old",
    "1|2|3",
    "v",
    "no number",
  );
  const { version } = await store.beat({ id: "one", positions: "", details: "{}", forget: 60_000 });
  expect(version).toBeGreaterThan(0);
  await redis("HSET", key, "i:two", `${Date.now()}|a=1-0|{"more":"|\n|"}`);
  // Forgotten is who has not beaten for long, and nothing else.
  expect(await redis("HGET", key, "j:old")).toBe("1|2|3");
  const { rows } = await store.read();
  expect(new Set(rows.map(({ id, positions, details }) => [id, positions, details].join(" ")))).toEqual(
    new Set(["one  {}", 'two a=1-0 {"more":"|\n|"}']),
  );
});
