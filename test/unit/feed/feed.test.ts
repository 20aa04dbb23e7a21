import { describe, expect, onTestFinished, test } from "vitest";
import type { MemoryBackend } from "../../../src/backend/backend.js";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { Feed, type FeedOptions } from "../../../src/feed/feed.js";
import type { LogToFollow } from "../../../src/feed/followed-logs.js";
import type { GatheredAnswer } from "../../../src/feed/gather.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { settle } from "../backend/open-backend.js";

interface FeedForTest {
  readonly feed: Feed;
  readonly backend: MemoryBackend;
  readonly told: string[];
}

let benches = 0;

/** Instances that share one memory, on a clock that stands still. */
class Fleet {
  readonly clock = new FakeClock();
  readonly #name = `feed-${(benches += 1)}`;

  open(id: string, options: Partial<FeedOptions> = {}): FeedForTest {
    const backend = createMemoryBackend({ namespace: "test", instanceId: id, clock: this.clock, name: this.#name });
    const told: string[] = [];
    const feed = new Feed({
      backend,
      clock: this.clock,
      details: () => ({ name: id, version: "1.0.0", settings: {} }),
      onDiffer: (other, parts) => told.push(`${other.id} differs in ${parts.join()}`),
      onError: (error) => told.push((error as Error).message),
      ...options,
    });
    onTestFinished(async () => {
      await feed.close();
      await backend.close();
    });
    return { feed, backend, told };
  }

  async pass(duration: number): Promise<void> {
    await settle();
    await this.clock.advanceAsync(duration);
    await settle();
  }
}

const texts = (answers: readonly GatheredAnswer[]): readonly string[] =>
  answers.map((answer) =>
    [answer.instance.id, answer.status, ...("answer" in answer ? [answer.answer] : [])].join(" "),
  );

/** What gathering gives, once so much time has passed. */
async function gathered(fleet: Fleet, { feed }: FeedForTest, limit: number): Promise<readonly string[]> {
  const answers = feed.gather("cache", "renew", "acl", limit);
  await fleet.pass(limit);
  return texts(await answers);
}

describe("gathering", () => {
  test("asks every living instance, this one too, and ends when all have answered", async () => {
    const fleet = new Fleet();
    const all = ["one", "two", "three"].map((id) => fleet.open(id));
    for (const { feed, backend } of all)
      feed.mailbox.on("cache", "renew", ({ from, payload }) => `${payload} for ${from} by ${backend.instanceId}`);
    await fleet.pass(1);
    const answers = await (all[0] as FeedForTest).feed.gather("cache", "renew", "acl", 10_000);
    expect(texts(answers)).toEqual([
      "one answered acl for one by one",
      "three answered acl for one by three",
      "two answered acl for one by two",
    ]);
    expect(answers[0]?.instance).toMatchObject({ name: "one", self: true });
  });

  test("tells who did not answer, who was not there, and what the others said", async () => {
    const fleet = new Fleet();
    const [one, silent, ignorant, fails, gone] = ["one", "silent", "ignorant", "fails", "gone"].map((id) =>
      fleet.open(id),
    ) as [FeedForTest, FeedForTest, FeedForTest, FeedForTest, FeedForTest];
    one.feed.mailbox.on("cache", "renew", () => "done");
    silent.feed.mailbox.on("cache", "renew", () => undefined);
    fails.feed.mailbox.on("cache", "renew", () => Promise.reject(new Error("of the handler")));
    void ignorant;
    await fleet.pass(1);
    // As a process that was killed: it has not left.
    gone.feed.mailbox.close();
    expect(await gathered(fleet, one, 3_000)).toEqual([
      "fails silent",
      "gone nobody",
      "ignorant nobody",
      "one answered done",
      "silent silent",
    ]);
    expect([one.told, fails.told]).toEqual([[], ["of the handler"]]);
  });

  test("does not wait for those who left or have been silent for six seconds, nor ask those who come later", async () => {
    const fleet = new Fleet();
    const [one, left, dead] = ["one", "left", "dead"].map((id) => fleet.open(id)) as [
      FeedForTest,
      FeedForTest,
      FeedForTest,
    ];
    one.feed.mailbox.on("cache", "renew", () => "done");
    await fleet.pass(1);
    await left.feed.close();
    // It stops without a word: its backend takes its beats no more.
    await dead.backend.close();
    await fleet.pass(6_000);
    const answers = one.feed.gather("cache", "renew", "acl", 3_000);
    await settle();
    const late = fleet.open("late");
    late.feed.mailbox.on("cache", "renew", () => "done");
    await fleet.pass(1);
    expect(texts(await answers)).toEqual(["one answered done"]);
  });

  test("fails when the roster cannot be read", async () => {
    const fleet = new Fleet();
    const { feed, backend } = fleet.open("one");
    await fleet.pass(1);
    await backend.close();
    await expect(feed.gather("cache", "renew", "acl", 3_000)).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
  });

  test("fails when the backend takes no messages", async () => {
    const fleet = new Fleet();
    const { feed, backend } = fleet.open("one");
    await fleet.pass(1);
    backend.publish = () => Promise.reject(new Error("no server"));
    await expect(feed.gather("cache", "renew", "acl", 3_000)).rejects.toThrow("no server");
  });
});

describe("a feed", () => {
  const logs = (notes: string[]): readonly LogToFollow[] =>
    ["b0", "b1"].map((name) => ({
      name,
      key: `test:cache:{${name}}:log`,
      consumer: {
        apply: ({ payload }) => void notes.push(`${name} ${payload}`),
        flush: (reason) => void notes.push(`${name} ${reason}`),
      },
    }));

  test("carries what one instance appends to all, and tells in the roster how far each is", async () => {
    const fleet = new Fleet();
    const [one, two] = [fleet.open("one"), fleet.open("two")];
    const notes: [string[], string[]] = [[], []];
    const followed = [one, two].map(({ feed }, index) =>
      feed.follow("cache", logs(notes[index] as string[]), () => true),
    );
    await Promise.all(followed.map((each) => each.started()));
    const position = await followed[0]?.append("b1", "1");
    await fleet.pass(0);
    expect(notes).toEqual([["b1 1"], ["b1 1"]]);
    await fleet.pass(3_000);
    const [first, second] = await one.feed.roster.instances();
    expect(second?.positions).toEqual(first?.positions);
    expect(first?.positions["cache/b1"]).toBe(position);
    expect(Object.keys(first?.positions ?? {})).toEqual(["cache/b0", "cache/b1"]);
  });

  test("follows the logs of a room once", () => {
    const { feed } = new Fleet().open("one");
    feed.follow("cache", [], () => true);
    feed.follow("sessions", [], () => true);
    expect(() => feed.follow("cache", [], () => true)).toThrow("the logs of cache are followed already");
  });

  test("counts gaps, cuts, forks and what it appended again", async () => {
    const fleet = new Fleet();
    const { feed, backend } = fleet.open("one");
    expect(feed.stats()).toEqual({ gaps: 0, cuts: 0, forks: 0, reassertions: 0 });
    const followed = feed.follow("cache", logs([]), () => true);
    await followed.started();
    await followed.append("b0", "1");
    await fleet.pass(0);
    const { logs: stored } = backend.room("feed", () => ({ logs: new Map<string, unknown[]>() }));
    stored.get("test:cache:{b0}:log")?.pop();
    await followed.append("b0", "2");
    await fleet.pass(2_000);
    expect(feed.stats()).toEqual({ gaps: 0, cuts: 0, forks: 1, reassertions: 1 });
  });

  test("that is closed leaves nothing behind, also when its backend went before it", async () => {
    const fleet = new Fleet();
    const [one, two] = [fleet.open("one"), fleet.open("two")];
    const followed = one.feed.follow("cache", logs([]), () => true);
    await followed.started();
    await fleet.pass(1);
    const asked = one.feed.mailbox.ask("nobody", "cache", "renew", "", 60_000);
    await settle();
    await one.feed.close();
    await one.feed.close();
    await expect(asked).resolves.toEqual({ status: "nobody" });
    expect((await two.feed.roster.instances()).map(({ id }) => id)).toEqual(["two"]);
    await two.backend.close();
    await expect(two.feed.close()).resolves.toBeUndefined();
    expect(fleet.clock.timers).toBe(0);
  });
});
