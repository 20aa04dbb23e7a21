import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { AnyBackend, Backend } from "../../src/backend/backend.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import { systemClock } from "../../src/core/clock.js";
import { Feed } from "../../src/feed/feed.js";
import type { FollowedLogs } from "../../src/feed/followed-logs.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { until } from "../support/until.js";
import { openBackendUntilClosed } from "../unit/backend/open-backend.js";

const kind = process.env["TEST_TOPOLOGY"];
const unique = `${process.pid}-${randomBytes(3).toString("hex")}`;
const namespace = `feed-${unique}`;

// A named memory backend lives as long as somebody holds it.
let keep: Backend | undefined;
beforeAll(() => {
  if (kind === "memory") keep = openBackend("keeper");
});
afterAll(() => keep?.close());

function openBackend(instanceId: string): AnyBackend {
  if (kind === "memory") return createMemoryBackend({ namespace, instanceId, clock: systemClock, name: unique });
  return openBackendUntilClosed({ ...topologyForTest().config, namespace, instanceId });
}

interface InstanceForTest {
  readonly feed: Feed;
  readonly followed: FollowedLogs;
  readonly notes: string[];
  readonly differs: string[];
}

/** An instance that follows two logs and answers letters; it is in the roster when this resolves. */
async function start(id: string, settings: Record<string, string> = {}): Promise<InstanceForTest> {
  const backend = openBackend(id);
  const [notes, differs]: [string[], string[]] = [[], []];
  const feed = new Feed({
    backend,
    clock: systemClock,
    details: () => ({ name: id, version: "1.0.0", settings }),
    onDiffer: (other, parts) => differs.push(`${other.id} in ${parts.join()}`),
    onError: (error) => notes.push((error as Error).message),
  });
  onTestFinished(async () => {
    await feed.close();
    await backend.close();
  });
  feed.mailbox.on("cache", "renew", ({ from, payload }) => `${payload} for ${from} by ${id}`);
  const logs = ["b0", "b1"].map((name) => ({
    name,
    key: backend.keys.key("cache", name, "log"),
    consumer: {
      apply: ({ payload }: { readonly payload: string }) => void notes.push(`${name} ${payload}`),
      flush: (reason: string) => void notes.push(`${name} ${reason}`),
    },
  }));
  const followed = feed.follow("cache", logs, () => true);
  await followed.started();
  await until(async () => (await feed.roster.instances()).some(({ self }) => self), { what: `${id} to be there` });
  return { feed, followed, notes, differs };
}

describe(`a feed on ${kind}`, () => {
  test("carries entries to every instance, in the order of each log, and nothing twice", async () => {
    const all = [await start("a1"), await start("a2"), await start("a3")];
    const appends = Array.from({ length: 60 }, (_, index) => ({ log: `b${index % 2}`, text: `${index}` }));
    await Promise.all(appends.map(({ log, text }, index) => all[index % 3]?.followed.append(log, text)));
    await until(() => all.every(({ notes }) => notes.length === appends.length), { what: "all entries" });
    for (const { followed } of all) for (const log of ["b0", "b1"]) await followed.follower(log).sync();
    const inLog = (notes: readonly string[], log: string): readonly string[] =>
      notes.filter((note) => note.startsWith(log));
    for (const { notes } of all) {
      expect(notes.toSorted()).toEqual(appends.map(({ log, text }) => `${log} ${text}`).toSorted());
      for (const log of ["b0", "b1"]) expect(inLog(notes, log)).toEqual(inLog(all[0]?.notes ?? [], log));
    }
    const stats = all.map(({ feed }) => feed.stats());
    expect(stats.map(({ cuts, forks, reassertions }) => [cuts, forks, reassertions])).toEqual(all.map(() => [0, 0, 0]));
  });

  test("asks one instance, or all, and knows who is not there", async () => {
    const [one, two] = [await start("b1"), await start("b2")];
    const mine = { status: "answered", answer: "x|y for b1 by b2" };
    expect(await one.feed.mailbox.ask("b2", "cache", "renew", "x|y", 5_000)).toEqual(mine);
    expect(await one.feed.mailbox.ask("b3", "cache", "renew", "x|y", 5_000)).toEqual({ status: "nobody" });
    expect(await one.feed.mailbox.send("b2", "cache", "renew", "")).toBe(true);
    expect(await one.feed.mailbox.send("b3", "cache", "renew", "")).toBe(false);
    const gathered = async (): Promise<readonly unknown[]> =>
      (await one.feed.gather("cache", "renew", "acl", 5_000))
        .filter(({ instance }) => instance.id.startsWith("b"))
        .map(({ instance, ...delivery }) => [instance.id, delivery]);
    const answer = (id: string): unknown => [id, { status: "answered", answer: `acl for b1 by ${id}` }];
    expect(await gathered()).toEqual([answer("b1"), answer("b2")]);
    await two.feed.close();
    expect(await gathered()).toEqual([answer("b1")]);
  });

  test("knows who lives, how far each is, and who is set up differently", async () => {
    const [one, two] = [await start("c1", { fleet: "f" }), await start("c2", { fleet: "F" })];
    const position = await one.followed.append("b0", "1");
    const of = async ({ feed }: InstanceForTest, id: string): Promise<string | undefined> =>
      (await feed.roster.instances()).find((instance) => instance.id === id)?.positions["cache/b0"];
    await until(async () => (await of(one, "c2")) === position && (await of(two, "c1")) === position, {
      what: "both to tell how far they are",
    });
    await until(() => one.differs.length > 0 && two.differs.length > 0, { what: "both to be told" });
    expect([one.differs, two.differs]).toEqual([["c2 in fleet"], ["c1 in fleet"]]);
  });
});
