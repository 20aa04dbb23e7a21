import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Backend, ChannelListener } from "../../src/backend/backend.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import { systemClock } from "../../src/core/clock.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { until } from "../support/until.js";
import { openBackend, rejection } from "../unit/backend/open-backend.js";

const kind = process.env["TEST_TOPOLOGY"];
const unique = `${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
const namespace = `messages-${unique}`;

// A named memory backend lives as long as somebody holds it.
let keep: Backend | undefined;
beforeAll(() => {
  if (kind === "memory") keep = open("keeper");
});
afterAll(() => keep?.close());

function open(instanceId: string): Backend {
  if (kind === "memory")
    return createMemoryBackend({ namespace, instanceId, clock: systemClock, name: `messages-${unique}` });
  const backend = openBackend({ ...topologyForTest().config, namespace, instance: unique, instanceId });
  return backend;
}

function openForTest(instanceId: string): Backend {
  const backend = open(instanceId);
  onTestFinished(() => backend.close());
  return backend;
}

/** Notes what is heard; a gap as `gap`. */
function listener(): { readonly notes: string[] } & ChannelListener {
  const notes: string[] = [];
  return { notes, message: (text) => void notes.push(text), gap: () => void notes.push("gap") };
}

async function listening(backend: Backend, channel: string): Promise<ReturnType<typeof listener>> {
  const heard = listener();
  backend.subscribe(channel, heard);
  await until(() => heard.notes.length > 0, { what: "the listening to begin" });
  return heard;
}

describe(`messages on ${kind}`, () => {
  test("reach every listener of their channel, in order, this process too, and nobody else", async () => {
    const [one, two] = [openForTest("one"), openForTest("two")];
    const channel = one.keys.hintChannel("news");
    const heard = await Promise.all([listening(one, channel), listening(one, channel), listening(two, channel)]);
    const other = await listening(two, two.keys.hintChannel("other"));
    for (const text of ["first", "zweite – ü", ""]) await one.publish(channel, text);
    await until(() => heard.every(({ notes }) => notes.length === 4), { what: "all messages" });
    for (const { notes } of heard) expect(notes).toEqual(["gap", "first", "zweite – ü", ""]);
    await two.publish(two.keys.hintChannel("other"), "for the other");
    await until(() => other.notes.length === 2, { what: "the other message" });
    expect(other.notes).toEqual(["gap", "for the other"]);
    expect(heard[0]?.notes).toHaveLength(4);
  });

  test("to one instance's mailbox reach only that one; its own echo is not shown to it", async () => {
    const [one, two] = [openForTest("mail-one"), openForTest("mail-two")];
    const mine = await listening(one, one.keys.mailChannel(one.instanceId));
    const theirs = await listening(two, two.keys.mailChannel(two.instanceId));
    await two.publish(two.keys.mailChannel("mail-one"), "room|hello");
    await until(() => mine.notes.length === 2, { what: "the letter" });
    expect(mine.notes).toEqual(["gap", "room|hello"]);
    expect(theirs.notes).toEqual(["gap"]);
  });

  test("every listener is told when its listening begins, also on a channel that is listened to already", async () => {
    const backend = openForTest("begins");
    const channel = backend.keys.hintChannel("begins");
    const first = await listening(backend, channel);
    await backend.publish(channel, "before");
    await until(() => first.notes.length === 2, { what: "the message" });
    const second = await listening(backend, channel);
    expect(second.notes).toEqual(["gap"]);
    expect(first.notes).toEqual(["gap", "before"]);
    await backend.publish(channel, "after");
    await until(() => second.notes.length === 2, { what: "the next message" });
    expect(second.notes).toEqual(["gap", "after"]);
  });

  test("are not heard any more once the listening ended, and again when it begins anew", async () => {
    const backend = openForTest("ends");
    const channel = backend.keys.hintChannel("ends");
    const [stays, leaves] = [await listening(backend, channel), listener()];
    const end = backend.subscribe(channel, leaves);
    await until(() => leaves.notes.length === 1, { what: "the listening to begin" });
    end();
    end();
    await backend.publish(channel, "one");
    await until(() => stays.notes.length === 2, { what: "the message" });
    expect(leaves.notes).toEqual(["gap"]);
    backend.subscribe(channel, leaves);
    await until(() => leaves.notes.length === 2, { what: "the listening to begin anew" });
    await backend.publish(channel, "two");
    await until(() => leaves.notes.length === 3, { what: "the second message" });
    expect(leaves.notes).toEqual(["gap", "gap", "two"]);
  });

  test("a listener that throws hurts nobody", async () => {
    const errors: unknown[] = [];
    const backend =
      kind === "memory"
        ? createMemoryBackend({
            namespace,
            instanceId: "bad",
            clock: systemClock,
            onListenerError: (e) => errors.push(e),
          })
        : openBackend({ ...topologyForTest().config, namespace, onListenerError: (error) => errors.push(error) });
    onTestFinished(() => backend.close());
    const channel = backend.keys.hintChannel("bad");
    backend.subscribe(channel, {
      message() {
        throw new Error("of a message");
      },
      gap() {
        throw new Error("of a gap");
      },
    });
    const good = await listening(backend, channel);
    await backend.publish(channel, "goes on");
    await until(() => good.notes.length === 2, { what: "the message" });
    expect(errors.map((error) => (error as Error).message).sort()).toEqual(["of a gap", "of a message"]);
  });

  test("no gap is told of without a loss, and nothing works after the end", async () => {
    const backend = openForTest("end");
    const gaps: unknown[] = [];
    backend.on("gap", (gap) => gaps.push(gap));
    await listening(backend, backend.keys.hintChannel("end"));
    expect(gaps).toEqual([]);
    expect(backend.stats().gaps).toBe(0);
    await backend.close();
    expect(() => backend.subscribe(backend.keys.hintChannel("end"), listener())).toThrow(/closed/);
    expect((await rejection(backend.publish(backend.keys.hintChannel("end"), "late"))).code).toBe("ERR_FLEET_CLOSED");
  });
});

describe(`the time of a server on ${kind}`, () => {
  test("is within what its replies tell, and passes", async () => {
    const backend = openForTest("time");
    await backend.ready();
    const key = backend.keys.key("room", "tag", "x");
    await until(() => backend.serverTime(key) !== undefined, { what: "the server's time" });
    const before = Date.now();
    const { earliest, latest } = backend.serverTime(key) ?? { earliest: 0, latest: 0 };
    const after = Date.now();
    // Servers of the tests run on this machine's clock; two reads of it differ by the width of the range at most.
    expect(earliest).toBeLessThanOrEqual(after + 2);
    expect(latest).toBeGreaterThanOrEqual(before - 2);
    expect(latest - earliest).toBeGreaterThanOrEqual(0);
    await until(() => (backend.serverTime(key)?.earliest ?? 0) > latest, { what: "time to pass" });
  });
});
