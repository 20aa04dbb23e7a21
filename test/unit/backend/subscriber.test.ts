import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Gap } from "../../../src/backend/backend.js";
import { Subscriber, type SubscriberOptions } from "../../../src/backend/redis/subscriber.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { bulk, FakeServer, integer, list, type FakeConnection } from "./fake-server.js";
import { fixedCredentials } from "./fixed-credentials.js";

let clock: FakeClock;
let server: FakeServer;
let listener: FakeConnection | undefined;
let published: string[];
let gaps: Gap[];
let changes: number;
/** What becomes of an echo: it comes back, is swallowed, or cannot be published. */
let echoes: "back" | "swallowed" | "refused";

beforeEach(async () => {
  clock = new FakeClock(1_000_000);
  listener = undefined;
  published = [];
  gaps = [];
  changes = 0;
  echoes = "back";
  server = await FakeServer.start((words, connection) => {
    if (words[0] !== "SUBSCRIBE" && words[0] !== "UNSUBSCRIBE") return undefined;
    listener = connection;
    const [name = "", ...names] = words;
    return names.map((channel, at) => list(bulk(name.toLowerCase()), bulk(channel), integer(at + 1))).join("");
  });
});
afterEach(() => server.stop());

function say(channel: string, text: string): void {
  listener?.write(list(bulk("message"), bulk(channel), bulk(text)));
}

function open(more: Partial<SubscriberOptions> = {}): Subscriber {
  const closing = new AbortController();
  const subscriber = new Subscriber({
    clock,
    mailbox: "mail",
    pick: () => server.address,
    connect: (address) => ({
      address,
      tls: undefined,
      credentials: fixedCredentials(),
      name: "test",
      database: 0,
      timeout: 5_000,
      signal: closing.signal,
    }),
    explain: (error) => error,
    publish(channel, message) {
      published.push(message);
      if (echoes === "refused") return Promise.reject(new Error("no command connection"));
      if (echoes === "back") say(channel, message);
      return Promise.resolve();
    },
    onGap: (gap) => gaps.push(gap),
    onChange: () => {
      changes += 1;
    },
    onListenerError: (error) => {
      throw error;
    },
    ...more,
  });
  onTestFinished(() => {
    subscriber.close();
    closing.abort();
  });
  return subscriber;
}

async function listening(subscriber: Subscriber, channel = "news"): Promise<string[]> {
  const notes: string[] = [];
  subscriber.subscribe(channel, { message: (text) => notes.push(text), gap: () => notes.push("gap") });
  await until(() => notes.length === 1, { what: "the listening to begin" });
  return notes;
}

/** Until what was published is with the subscriber, if it is to be. */
async function echoed(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
}

describe("the echo", () => {
  test("is sent when the listening begins and every five seconds after one came back", async () => {
    await listening(open());
    await echoed();
    expect(published).toEqual(["echo|1"]);
    await clock.advanceAsync(4_999);
    expect(published).toHaveLength(1);
    await clock.advanceAsync(1);
    await echoed();
    expect(published).toEqual(["echo|1", "echo|2"]);
    expect(gaps).toEqual([]);
  });

  test("that does not come back within two seconds ends the connection; the gap begins where the last one was sent", async () => {
    const notes = await listening(open());
    await echoed();
    echoes = "swallowed";
    await clock.advanceAsync(5_000);
    await echoed();
    await clock.advanceAsync(1_999);
    await nextTurn();
    expect(server.open).toBe(1);
    echoes = "back";
    await clock.advanceAsync(1);
    await until(() => server.open === 0, { what: "the connection to end" });
    await clock.advanceAsync(50);
    await until(() => gaps.length === 1, { what: "the gap" });
    expect(gaps).toEqual([{ from: 1_000_000, to: 1_007_050, reason: "no echo within 2000 ms" }]);
    expect(notes).toEqual(["gap", "gap"]);
  });

  test("proves nothing, neither way, while it cannot be published", async () => {
    await listening(open());
    await echoed();
    echoes = "refused";
    await clock.advanceAsync(5_000);
    for (let second = 0; second < 30; second += 1) {
      await clock.advanceAsync(1_000);
      await nextTurn();
    }
    expect(published.length).toBeGreaterThan(20);
    expect(server.open).toBe(1);
    expect(gaps).toEqual([]);
    // The subscriber did not hear meanwhile either: known as soon as an echo can be sent again.
    echoes = "swallowed";
    await clock.advanceAsync(1_000);
    await nextTurn();
    await clock.advanceAsync(2_000);
    await until(() => server.open === 0, { what: "the connection to end" });
    await clock.advanceAsync(50);
    await until(() => gaps.length === 1, { what: "the gap" });
    expect(gaps[0]?.from).toBe(1_000_000);
  });
});

describe("a subscriber", () => {
  test("connects with its first listener only", async () => {
    const subscriber = open();
    await clock.advanceAsync(10_000);
    expect(server.accepted).toBe(0);
    await listening(subscriber);
    expect(server.accepted).toBe(1);
  });

  test("tells why it does not listen, and tries again with backoff until it does", async () => {
    await server.stop();
    const subscriber = open();
    const notes: string[] = [];
    subscriber.subscribe("news", { message: () => undefined, gap: () => notes.push("gap") });
    await until(() => subscriber.trouble !== undefined, { what: "the trouble" });
    expect(subscriber.address).toBeUndefined();
    await server.resume();
    await clock.advanceAsync(2_000);
    await until(() => notes.length === 1, { what: "the listening to begin" });
    expect(subscriber.trouble).toBeUndefined();
    expect(subscriber.address).toBe(`127.0.0.1:${server.port}`);
    // It never listened before, so nothing was lost.
    expect(gaps).toEqual([]);
    expect(changes).toBeGreaterThan(1);
  });

  test("leaves a server that is not the primary any more, and stays with another", async () => {
    const subscriber = open();
    const notes = await listening(subscriber);
    subscriber.move("127.0.0.1:1");
    await nextTurn();
    expect(server.open).toBe(1);
    subscriber.move(`127.0.0.1:${server.port}`);
    await until(() => server.open === 0, { what: "the connection to end" });
    await clock.advanceAsync(50);
    await until(() => notes.length === 2, { what: "the listening to begin again" });
    expect(gaps).toHaveLength(1);
    expect(gaps[0]?.reason).toContain("is not the primary any more");
  });

  test("asks for no channel twice, and for none that nobody listens to any more", async () => {
    const subscriber = open();
    const end = subscriber.subscribe("gone", { message: () => undefined, gap: () => undefined });
    await listening(subscriber);
    end();
    await until(() => server.count("UNSUBSCRIBE") === 1, { what: "the channel to be left" });
    listener?.reset();
    await until(() => server.open === 0, { what: "the connection to end" });
    await clock.advanceAsync(50);
    await until(() => gaps.length === 1, { what: "the gap" });
    const subscriptions = server.received.filter(({ words }) => words[0] === "SUBSCRIBE").map(({ words }) => words);
    expect(subscriptions.at(-1)).toEqual(["SUBSCRIBE", "mail", "news"]);
  });

  test("that is closed while it connects leaves nothing behind", async () => {
    const subscriber = open();
    subscriber.subscribe("news", { message: () => undefined, gap: () => undefined });
    subscriber.close();
    await until(() => server.open === 0, { what: "the connection to end" });
    await clock.advanceAsync(10_000);
    expect(server.accepted).toBeLessThanOrEqual(1);
    expect(gaps).toEqual([]);
  });
});
