import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Gap } from "../../../src/backend/backend.js";
import { Subscriber, type SubscriberOptions } from "../../../src/backend/redis/subscriber.js";
import { PermissionError } from "../../../src/core/errors.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { until } from "../../support/until.js";
import { bulk, FakeServer, integer, list, silence, type FakeConnection } from "./fake-server.js";
import { fixedCredentials } from "./fixed-credentials.js";
import { settle } from "./open-backend.js";

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

  test("that nobody sent cannot be waited for in vain, and proves nothing", async () => {
    await listening(open());
    await echoed();
    say("mail", "echo|none");
    say("mail", "echo|99");
    await clock.advanceAsync(5_000);
    await echoed();
    await clock.advanceAsync(2_000);
    await echoed();
    expect(server.open).toBe(1);
    expect(gaps).toEqual([]);
    echoes = "swallowed";
    await clock.advanceAsync(5_000);
    await echoed();
    echoes = "back";
    await clock.advanceAsync(2_000);
    await until(() => gaps.length === 1, { what: "the gap" });
  });

  test("that an access list forbids is a trouble, for nothing tells any more whether messages are heard", async () => {
    let denied = true;
    const subscriber = open({
      publish(channel, message) {
        if (denied) return Promise.reject(new PermissionError("PUBLISH is not allowed"));
        say(channel, message);
        return Promise.resolve();
      },
    });
    await listening(subscriber);
    await until(() => subscriber.trouble !== undefined, { what: "the trouble" });
    expect(subscriber.trouble?.message).toBe("PUBLISH is not allowed");
    expect(server.open).toBe(1);
    denied = false;
    const before = changes;
    await clock.advanceAsync(1_000);
    await until(() => subscriber.trouble === undefined, { what: "the trouble to end" });
    expect(changes).toBeGreaterThan(before);
  });

  test("tells how long the gap is also when the wall clock was set back meanwhile", async () => {
    await listening(open());
    await echoed();
    echoes = "swallowed";
    await clock.advanceAsync(5_000);
    await echoed();
    clock.jumpWall(-3_600_000);
    await clock.advanceAsync(2_000);
    await until(() => server.open === 0, { what: "the connection to end" });
    echoes = "back";
    await clock.advanceAsync(50);
    await until(() => gaps.length === 1, { what: "the gap" });
    expect((gaps[0]?.to ?? 0) - (gaps[0]?.from ?? 0)).toBe(7_050);
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

  test("hears what was joined and left while the server was answering, and no more", async () => {
    const held: (() => void)[] = [];
    server.answer((words, connection) => {
      const [name = "", ...names] = words;
      if (name !== "SUBSCRIBE" && name !== "UNSUBSCRIBE") return undefined;
      listener = connection;
      held.push(() =>
        connection.write(
          names.map((channel, at) => list(bulk(name.toLowerCase()), bulk(channel), integer(at + 1))).join(""),
        ),
      );
      return silence;
    });
    const subscriber = open();
    const begun: string[] = [];
    const join = (channel: string): (() => void) =>
      subscriber.subscribe(channel, { message: () => undefined, gap: () => begun.push(channel) });
    join("first");
    await until(() => server.count("SUBSCRIBE") === 1, { what: "the first question" });
    const leave = join("second");
    held[0]?.();
    await until(() => server.count("SUBSCRIBE") === 2, { what: "the second question" });
    join("third");
    leave();
    held[1]?.();
    await until(() => server.count("SUBSCRIBE") === 3, { what: "the third question" });
    expect(begun).toEqual([]);
    held[2]?.();
    await until(() => server.count("UNSUBSCRIBE") === 1, { what: "the second to be left" });
    held[3]?.();
    await until(() => begun.length === 2, { what: "the listening to begin" });
    expect(begun).toEqual(["first", "third"]);
    expect(server.calls()).toEqual([
      ["SUBSCRIBE", "mail", "first"],
      ["SUBSCRIBE", "second"],
      ["SUBSCRIBE", "third"],
      ["UNSUBSCRIBE", "second"],
    ]);
  });

  test("gives up a server that falls silent before it has subscribed", async () => {
    server.answer(([name]) => (name === "SUBSCRIBE" ? silence : undefined));
    const subscriber = open();
    subscriber.subscribe("news", { message: () => undefined, gap: () => undefined });
    await until(() => server.count("SUBSCRIBE") === 1, { what: "the question" });
    await clock.advanceAsync(2_000);
    await until(() => subscriber.trouble !== undefined, { what: "the trouble" });
    expect(subscriber.trouble?.message).toContain("no answer to SUBSCRIBE within 2000 ms");
    await clock.advanceAsync(50);
    await until(() => server.accepted === 2, { what: "the next attempt" });
  });

  test("does not stay with a server that lost its place while it was being dialled", async () => {
    let held: (() => void) | undefined;
    server.answer((words, connection) => {
      if (words[0] !== "TIME" || held !== undefined) return undefined;
      held = () => connection.write("+OK\r\n");
      return silence;
    });
    const subscriber = open();
    subscriber.subscribe("news", { message: () => undefined, gap: () => undefined });
    await until(() => held !== undefined, { what: "the handshake" });
    subscriber.move(`127.0.0.1:${server.port}`);
    held?.();
    await until(() => subscriber.trouble !== undefined, { what: "the trouble" });
    expect(subscriber.trouble?.message).toContain("is not the primary any more");
    expect(server.count("SUBSCRIBE")).toBe(0);
  });

  test("lets a listener that hears a message begin and end others, which do not hear that one", async () => {
    const subscriber = open();
    const heard: string[] = [];
    let ends: () => void = () => undefined;
    const rearm = (round: number): void => {
      subscriber.subscribe("news", {
        message(text) {
          heard.push(`${round}: ${text}`);
          ends();
          if (round < 5) rearm(round + 1);
        },
        gap: () => undefined,
      });
    };
    rearm(1);
    ends = subscriber.subscribe("news", { message: (text) => heard.push(`ended: ${text}`), gap: () => undefined });
    await listening(subscriber);
    say("news", "one");
    await until(() => heard.length > 0, { what: "the message" });
    await settle();
    expect(heard).toEqual(["1: one"]);
  });

  test("that is closed while it connects leaves nothing behind", async () => {
    const subscriber = open();
    subscriber.subscribe("news", { message: () => undefined, gap: () => undefined });
    subscriber.close();
    await until(() => server.open === 0, { what: "the connection to end" });
    await clock.advanceAsync(10_000);
    expect(server.accepted).toBeLessThanOrEqual(1);
    expect(gaps).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});
