import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { ChannelListener, Gap, RedisBackend } from "../../src/backend/backend.js";
import { startSingle } from "../support/servers/single.js";
import type { SingleTopology } from "../support/servers/single.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";
import { openBackend } from "../unit/backend/open-backend.js";

// One server behind a proxy; the listener of the tests goes through the proxy, the speaker does not.

let topology: SingleTopology;
let proxy: TcpProxy;
beforeAll(async () => {
  topology = await startSingle();
  proxy = await TcpProxy.start({ target: topology.server });
});
afterAll(async () => {
  await proxy?.stop();
  await topology?.stop();
});
beforeEach(() => proxy.pass());

interface Listening {
  readonly backend: RedisBackend;
  readonly notes: readonly string[];
  readonly gaps: readonly Gap[];
  readonly channel: string;
}

async function listen(): Promise<Listening> {
  const backend = openBackend({ nodes: [proxy] });
  const notes: string[] = [];
  const gaps: Gap[] = [];
  backend.on("gap", (gap) => gaps.push(gap));
  const channel = backend.keys.hintChannel("news");
  const listener: ChannelListener = { message: (text) => notes.push(text), gap: () => notes.push("gap") };
  backend.subscribe(channel, listener);
  await until(() => notes.length === 1, { what: "the listening to begin" });
  return { backend, notes, gaps, channel };
}

async function speaker(): Promise<RedisBackend> {
  const backend = openBackend({ nodes: [topology.server] });
  await backend.ready();
  return backend;
}

describe("a subscriber that loses its connection", () => {
  test("subscribes everything anew, then says once that messages may have been missed, and from when", async () => {
    const speaks = await speaker();
    const { backend, notes, gaps, channel } = await listen();
    const late: string[] = [];
    backend.subscribe(backend.keys.hintChannel("late"), {
      message: (text) => late.push(text),
      gap: () => late.push("gap"),
    });
    await until(() => late.length === 1, { what: "the second channel" });
    const before = Date.now();
    await topology.server.command("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => gaps.length === 1, { what: "the gap" });
    await speaks.publish(channel, "after");
    await speaks.publish(backend.keys.hintChannel("late"), "after too");
    await until(() => notes.includes("after") && late.includes("after too"), { what: "the messages" });
    expect(notes).toEqual(["gap", "gap", "after"]);
    expect(late).toEqual(["gap", "gap", "after too"]);
    const [gap] = gaps;
    expect(gap?.from).toBeLessThanOrEqual(before + 1);
    expect(gap?.to).toBeGreaterThanOrEqual(before);
    expect(gap?.reason).toMatch(/closed/);
    expect(backend.stats().gaps).toBe(1);
  });

  test("makes the backend degraded while it does not hear, not unusable", async () => {
    const { backend, gaps } = await listen();
    await until(() => backend.state === "ready", { what: "the backend to be ready" });
    await topology.server.command("ACL", "SETUSER", "default", "-subscribe");
    onTestFinished(async () => void (await topology.server.command("ACL", "SETUSER", "default", "+subscribe")));
    await topology.server.command("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => backend.state === "degraded", { what: "the backend to be degraded" });
    const reasons: string[] = [];
    backend.on("state", ({ reason }) => reasons.push(reason));
    expect(await backend.read("test:room:{a}:x", [["get"]])).toEqual([null]);
    expect(gaps).toEqual([]);
    await topology.server.command("ACL", "SETUSER", "default", "+subscribe");
    await until(() => backend.state === "ready", { what: "the backend to be ready again" });
    expect(gaps).toHaveLength(1);
  });
});

describe("a half-open subscriber", () => {
  test("is found by its echo while commands go on, and the gap covers the silence", async () => {
    const speaks = await speaker();
    const { backend, notes, gaps, channel } = await listen();
    proxy.stallSubscribers();
    const stalledAt = Date.now();
    await speaks.publish(channel, "missed");
    await until(() => gaps.length === 1, { what: "the gap", deadline: 35_000 });
    expect(notes).toEqual(["gap", "gap"]);
    expect(gaps[0]?.from).toBeLessThanOrEqual(stalledAt);
    expect(gaps[0]?.reason).toBe("no echo within 2000 ms");
    await speaks.publish(channel, "heard");
    await until(() => notes.length === 3, { what: "the next message" });
    expect(notes[2]).toBe("heard");
    expect(await backend.read("test:room:{a}:x", [["get"]])).toEqual([null]);
    expect(backend.stats().reconnects).toBe(0);
  });
});

test("a listener opens one connection, however many channels there are, and none without", async () => {
  const backend = openBackend({ nodes: [topology.server], namespace: "counted" });
  await backend.ready();
  const names = async (): Promise<readonly string[]> => {
    const list = String(await topology.server.command("CLIENT", "LIST"));
    return [...list.matchAll(/ name=(counted:\S*)/g)].map(([, name = ""]) => name);
  };
  expect(await names()).toEqual(["counted:command:one"]);
  const begun: string[] = [];
  for (const room of ["a", "b", "c"]) {
    backend.subscribe(backend.keys.hintChannel(room), { message: () => undefined, gap: () => begun.push(room) });
  }
  await until(() => begun.length === 3, { what: "all to listen" });
  expect((await names()).toSorted()).toEqual(["counted:command:one", "counted:subscribe:one"]);
});
