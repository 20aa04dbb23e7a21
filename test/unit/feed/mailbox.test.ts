import { describe, expect, onTestFinished, test } from "vitest";
import type { Backend, ChannelListener } from "../../../src/backend/backend.js";
import { KeySpace } from "../../../src/backend/keys.js";
import { Mailbox, type Delivery } from "../../../src/feed/mailbox.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { settle } from "../backend/open-backend.js";

/** Channels in memory: what is published is heard a turn later, unless the post is down. */
class Post {
  readonly clock = new FakeClock();
  readonly errors: string[] = [];
  /** Every message, as `<receiver> <text>`. */
  readonly sent: string[] = [];
  /** What becomes of a message that is published; default nothing goes wrong. */
  fault: (channel: string, text: string) => void | Promise<void> = () => undefined;
  /** Whether a new listener hears at once. */
  connected = true;
  readonly #listeners = new Map<string, ChannelListener>();

  /** From now on all hear. */
  connect(): void {
    this.connected = true;
    for (const listener of this.#listeners.values()) listener.gap();
  }

  open(instanceId: string): Mailbox {
    const backend = {
      instanceId,
      keys: new KeySpace("test"),
      publish: (channel: string, text: string) => this.publish(channel, text),
      subscribe: (channel: string, listener: ChannelListener) => {
        this.#listeners.set(channel, listener);
        if (this.connected) setImmediate(() => listener.gap());
        return () => this.#listeners.delete(channel);
      },
    } as unknown as Backend;
    const onError = (error: unknown): void => void this.errors.push((error as Error).message);
    const mailbox = new Mailbox({ backend, clock: this.clock, onError });
    onTestFinished(() => mailbox.close());
    return mailbox;
  }

  /** Lets time pass, and what is under way arrive before and after it. */
  async pass(duration: number): Promise<void> {
    await settle();
    await this.clock.advanceAsync(duration);
    await settle();
  }

  async publish(channel: string, text: string): Promise<void> {
    await this.fault(channel, text);
    this.sent.push(`${channel.replace("test:mail:", "")} ${text}`);
    setImmediate(() => this.#listeners.get(channel)?.message(text));
  }
}

/** What has become of a delivery so far. */
function watch(delivery: Promise<Delivery>): { readonly result: () => Delivery | Error | undefined } {
  let found: Delivery | Error | undefined;
  delivery.then(
    (value) => (found = value),
    (error: Error) => (found = error),
  );
  return { result: () => found };
}

describe("a letter", () => {
  test("reaches the handler of its room and kind, and comes back as its answer", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    two.on("cache", "renew", ({ from, payload }) => `${from} asked for ${payload}`);
    two.on("cache", "drop", () => "never");
    two.on("locks", "renew", () => "never");
    const asked = one.ask("two", "cache", "renew", "acl", 5_000);
    await expect(asked).resolves.toEqual({ status: "answered", answer: "one asked for acl" });
    expect([post.clock.timers, post.errors]).toEqual([0, []]);
  });

  test("may be to oneself", async () => {
    const post = new Post();
    const one = post.open("one");
    one.on("cache", "renew", async ({ payload }) => payload.toUpperCase());
    await expect(one.ask("one", "cache", "renew", "acl", 5_000)).resolves.toEqual({
      status: "answered",
      answer: "ACL",
    });
  });

  test("keeps every character, there and back", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    two.on("cache", "echo", ({ payload }) => payload);
    for (const text of ["", "|", "a|b||c|", "||taken|x|y", 'ü🦊\n\r\t\u0000"\\', "x".repeat(100_000)])
      await expect(one.ask("two", "cache", "echo", text, 5_000)).resolves.toEqual({ status: "answered", answer: text });
  });

  test("to many at once comes back to each sender from each receiver", async () => {
    const post = new Post();
    const mailboxes = ["one", "two", "three"].map((id) => [id, post.open(id)] as const);
    for (const [id, mailbox] of mailboxes)
      mailbox.on("cache", "ask", ({ from, payload }) => `${id} to ${from}: ${payload}`);
    const pairs = mailboxes.flatMap(([from, mailbox]) => mailboxes.map(([to]) => ({ from, to, mailbox })));
    const answers = pairs.map(({ to, mailbox }, index) => mailbox.ask(to, "cache", "ask", `${index}`, 5_000));
    await expect(Promise.all(answers)).resolves.toEqual(
      pairs.map(({ from, to }, index) => ({ status: "answered", answer: `${to} to ${from}: ${index}` })),
    );
  });

  test("that nobody takes is known to be so after a second", async () => {
    const post = new Post();
    const one = post.open("one");
    post.open("two");
    for (const to of ["nobody", "two"]) {
      const { result } = watch(one.ask(to, "cache", "renew", "acl", 5_000));
      await post.pass(999);
      expect(result()).toBeUndefined();
      await post.pass(1);
      expect(result()).toEqual({ status: "nobody" });
    }
    expect(post.clock.timers).toBe(0);
  });

  test("that was taken waits for its answer as long as it is told, and no longer", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    two.on("cache", "slow", ({ payload }) => {
      return new Promise((resolve) => post.clock.setTimeout(() => resolve("at last"), Number(payload)));
    });
    two.on("cache", "mute", () => undefined);
    const [slow, slower, mute] = [
      watch(one.ask("two", "cache", "slow", "4900", 5_000)),
      watch(one.ask("two", "cache", "slow", "5100", 5_000)),
      watch(one.ask("two", "cache", "mute", "", 5_000)),
    ];
    await post.pass(4_999);
    expect([slow.result(), slower.result(), mute.result()]).toEqual([
      { status: "answered", answer: "at last" },
      undefined,
      undefined,
    ]);
    await post.pass(1);
    expect([slower.result(), mute.result()]).toEqual([{ status: "silent" }, { status: "silent" }]);
    // The answer that comes too late is nobody's.
    await post.pass(200);
    expect([post.clock.timers, post.errors]).toEqual([0, []]);
  });

  test("may have less than a second", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    two.on("cache", "mute", () => undefined);
    const [nobody, mute] = [
      watch(one.ask("nobody", "cache", "mute", "", 200)),
      watch(one.ask("two", "cache", "mute", "", 200)),
    ];
    await post.pass(199);
    expect([nobody.result(), mute.result()]).toEqual([undefined, undefined]);
    await post.pass(1);
    expect([nobody.result(), mute.result()]).toEqual([{ status: "nobody" }, { status: "silent" }]);
  });

  test("whose handler fails is silent, and the receiver is told why", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    two.on("cache", "throw", () => {
      throw new Error("of the handler");
    });
    two.on("cache", "reject", () => Promise.reject(new Error("of its promise")));
    for (const kind of ["throw", "reject"]) {
      const { result } = watch(one.ask("two", "cache", kind, "", 3_000));
      await post.pass(3_000);
      expect(result()).toEqual({ status: "silent" });
    }
    expect(post.errors).toEqual(["of the handler", "of its promise"]);
  });

  test("that the backend does not take is an error, and nobody is waited for", async () => {
    const post = new Post();
    const one = post.open("one");
    post.fault = () => Promise.reject(new Error("no server"));
    await expect(one.ask("two", "cache", "renew", "", 5_000)).rejects.toThrow("no server");
    await expect(one.send("two", "cache", "renew", "")).rejects.toThrow("no server");
    expect(post.clock.timers).toBe(0);
  });

  test("that the backend takes late has its second from then on", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    two.on("cache", "renew", () => "done");
    post.fault = (channel) => {
      if (channel !== "test:mail:two") return undefined;
      return new Promise((resolve) => void post.clock.setTimeout(resolve, 3_000));
    };
    const { result } = watch(one.ask("two", "cache", "renew", "", 5_000));
    await post.pass(2_999);
    expect(result()).toBeUndefined();
    await post.pass(1);
    await post.pass(0);
    expect(result()).toEqual({ status: "answered", answer: "done" });
  });

  test("is not sent before its answer would be heard, and not at all when that takes too long", async () => {
    const post = new Post();
    const two = post.open("two");
    two.on("cache", "renew", () => "done");
    post.connected = false;
    const one = post.open("one");
    const [early, late] = [
      watch(one.ask("two", "cache", "renew", "", 500)),
      watch(one.ask("two", "cache", "renew", "", 5_000)),
    ];
    await post.pass(499);
    expect([early.result(), late.result(), post.sent]).toEqual([undefined, undefined, []]);
    await post.pass(1);
    expect(early.result()).toMatchObject({ code: "ERR_FLEET_UNAVAILABLE", executed: "no" });
    await post.pass(2_000);
    expect(post.sent).toEqual([]);
    post.connect();
    await post.pass(0);
    expect(late.result()).toEqual({ status: "answered", answer: "done" });
    expect([post.clock.timers, post.errors]).toEqual([0, []]);
  });

  test("that waits to be sent fails when the mailbox is closed", async () => {
    const post = new Post();
    post.connected = false;
    const one = post.open("one");
    const { result } = watch(one.ask("two", "cache", "renew", "", 5_000));
    await post.pass(10);
    one.close();
    await post.pass(0);
    expect(result()).toMatchObject({ code: "ERR_FLEET_CLOSED" });
    expect([post.clock.timers, post.sent]).toEqual([0, []]);
  });

  test("is not handled when its sender cannot be told that it was taken", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    let handled = 0;
    two.on("cache", "renew", () => `${(handled += 1)}`);
    post.fault = (channel) => {
      if (channel === "test:mail:one") throw new Error("no way back");
    };
    const { result } = watch(one.ask("two", "cache", "renew", "", 5_000));
    await post.pass(1_000);
    expect([result(), handled, post.errors]).toEqual([{ status: "nobody" }, 0, ["no way back"]]);
  });

  test("is handled once for each handler's life", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    const end = two.on("cache", "renew", () => "first");
    expect(() => two.on("cache", "renew", () => "second")).toThrow("letters of cache|renew have a handler already");
    end();
    const { result } = watch(one.ask("two", "cache", "renew", "", 5_000));
    await post.pass(1_000);
    expect(result()).toEqual({ status: "nobody" });
    two.on("cache", "renew", () => "second");
    await expect(one.ask("two", "cache", "renew", "", 5_000)).resolves.toEqual({
      status: "answered",
      answer: "second",
    });
  });
});

describe("a letter that wants no answer", () => {
  test("is known to be taken as soon as it is, whatever its handler does", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    two.on("cache", "mute", () => undefined);
    two.on("cache", "answer", () => "unasked");
    two.on("cache", "throw", () => {
      throw new Error("of the handler");
    });
    for (const kind of ["mute", "answer", "throw"])
      await expect(one.send("two", "cache", kind, "")).resolves.toBe(true);
    expect(post.clock.timers).toBe(0);
  });

  test("is known not to be taken after a second", async () => {
    const post = new Post();
    const one = post.open("one");
    let taken: boolean | undefined;
    void one.send("nobody", "cache", "renew", "").then((result) => (taken = result));
    await post.pass(999);
    expect(taken).toBeUndefined();
    await post.pass(1);
    expect(taken).toBe(false);
  });
});

describe("a mailbox", () => {
  test("that a script wrote is handled, and neither confirmed nor answered", async () => {
    const post = new Post();
    const two = post.open("two");
    const letters: unknown[] = [];
    two.on("locks", "granted", (letter) => {
      letters.push(letter);
      return "an answer";
    });
    await post.publish("test:mail:two", "locks|granted|||7|8");
    await post.pass(1);
    expect(letters).toEqual([{ from: "", payload: "7|8" }]);
    expect(post.sent).toEqual(["two locks|granted|||7|8"]);
  });

  test("makes nothing of what other programs put into it", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    let handled = 0;
    two.on("cache", "renew", () => `${(handled += 1)}`);
    const { result } = watch(one.ask("nobody", "cache", "renew", "", 5_000));
    const nonsense = [
      "",
      "|",
      "hello",
      "||||",
      "cache|renew",
      "cache|renew|one",
      "other|renew|one|1|payload",
      "cache|renew|two|more|1|2",
      "|taken|two|unknown|",
      "|answer|two|unknown|payload",
      "|other|two||",
      "__proto__|constructor|one|1|x",
    ];
    for (const text of nonsense) await post.publish("test:mail:one", text);
    for (const text of nonsense.slice(0, -1)) await post.publish("test:mail:two", text);
    await post.pass(999);
    expect(result()).toBeUndefined();
    // One of them had our form, with a payload of its own.
    expect([handled, post.errors]).toEqual([1, []]);
  });

  test("that is closed lets nobody wait: what was taken is silent, the rest reached nobody", async () => {
    const post = new Post();
    const [one, two] = [post.open("one"), post.open("two")];
    two.on("cache", "mute", () => undefined);
    const [taken, lost] = [
      watch(one.ask("two", "cache", "mute", "", 5_000)),
      watch(one.ask("nobody", "cache", "mute", "", 5_000)),
    ];
    await post.pass(10);
    one.close();
    await post.pass(0);
    expect([taken.result(), lost.result()]).toEqual([{ status: "silent" }, { status: "nobody" }]);
    expect(post.clock.timers).toBe(0);
    two.close();
    const before = post.sent.length;
    await post.publish("test:mail:two", "cache|mute|one|1|late");
    await post.pass(0);
    expect(post.sent.length).toBe(before + 1);
    await expect(one.ask("two", "cache", "mute", "", 5_000)).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
    await expect(one.send("two", "cache", "mute", "")).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
  });
});
