import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { AnyBackend, Backend } from "../../src/backend/backend.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import { systemClock } from "../../src/core/clock.js";
import { Feed } from "../../src/feed/feed.js";
import { createLocks } from "../../src/locks/create-locks.js";
import { LockTimeoutError, StaleTokenError, type LocksOptions } from "../../src/locks/index.js";
import type { LockManager } from "../../src/locks/locks.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { until } from "../support/until.js";
import { openBackendUntilClosed, rejection } from "../unit/backend/open-backend.js";

const kind = process.env["TEST_TOPOLOGY"];
const unique = `${process.pid}-${randomBytes(3).toString("hex")}`;
const namespace = `locks-${unique}`;

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

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** An instance of a fleet that has just come to the servers, and does not wait for what they may have lost before. */
async function start(id: string, options: LocksOptions = {}): Promise<{ locks: LockManager; end(): Promise<void> }> {
  const backend = openBackend(`${id}-${randomBytes(3).toString("hex")}`);
  const feed = new Feed({
    backend,
    clock: systemClock,
    details: () => ({ name: id, version: "1.0.0", settings: {} }),
    onDiffer: () => undefined,
    onError: (error) => {
      throw error;
    },
  });
  const common = { backend, clock: systemClock, logger: silent, instance: id, feed: () => feed };
  const locks = createLocks({ ...common, options: { failover: "fast", ...options } });
  locks.join(feed.mailbox);
  const end = async (): Promise<void> => {
    await locks.close();
    await feed.close();
    await backend.close();
  };
  onTestFinished(end);
  await feed.mailbox.listening;
  await until(async () => (await feed.roster.instances()).some(({ self }) => self), { what: `${id} to be there` });
  return { locks, end };
}

const pair = (
  options?: LocksOptions,
): Promise<[{ locks: LockManager; end(): Promise<void> }, { locks: LockManager; end(): Promise<void> }]> =>
  Promise.all([start("one", options), start("two", options)]);

describe(`locks on ${kind}`, () => {
  test("are handed from one instance to the next by a letter", async () => {
    const [one, two] = await pair();
    const lock = await one.locks.acquire("handoff", { owner: "ann" });
    const error = await rejection<LockTimeoutError>(two.locks.acquire("handoff", { wait: 30 }));
    expect(error).toMatchObject({
      code: "ERR_FLEET_LOCK_TIMEOUT",
      holder: { owner: "ann", instance: "one" },
      ahead: 0,
    });
    const next = two.locks.acquire("handoff");
    await until(async () => (await one.locks.inspect("handoff")).waiting.length === 1, { what: "the next", every: 5 });
    expect(await one.locks.query({ everywhere: true })).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ instance: "one", held: [expect.objectContaining({ token: lock.token })] }),
        expect.objectContaining({ instance: "two", pending: [{ name: "handoff", waiting: 1 }] }),
      ]),
    );
    expect(await lock.release()).toBe(true);
    const second = await next;
    expect(second.token).toBeGreaterThan(lock.token);
    expect(two.locks.stats()).toMatchObject({ handoffs: 1, timeouts: 1 });
    // Confirmed, it is held for the whole lease.
    await until(() => second.remaining > 14_000, { what: "the confirmation", every: 5 });
    expect(await second.release()).toBe(true);
    expect((await one.locks.inspect("handoff")).holder).toBeUndefined();
  });

  test("let one of a hundred run at a time, in two instances that take turns", async () => {
    const instances = await pair();
    let running = 0;
    const tokens: number[] = [];
    const turns: number[] = [];
    const visit = (index: number): Promise<void> =>
      (instances[index % 2] as (typeof instances)[0]).locks.using("turns", { wait: "20s" }, async (lock) => {
        running += 1;
        expect(running).toBe(1);
        tokens.push(lock.token);
        turns.push(index % 2);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      });
    await Promise.all(Array.from({ length: 100 }, (_, index) => visit(index)));
    expect(tokens).toHaveLength(100);
    expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
    // Sixteen at most are served in a row while the other one waits.
    const changes = turns.filter((turn, index) => index > 0 && turn !== turns[index - 1]).length;
    expect(changes).toBeGreaterThanOrEqual(5);
  });

  test("are taken by force, and whoever had them hears of it", async () => {
    const [one, two] = await pair();
    const first = await one.locks.acquire("force", { lease: 600 });
    const waiting = one.locks.acquire("force", { wait: "20s" });
    await until(() => one.locks.here().pending.length === 1, { what: "the second" });
    const changed = await two.locks.steal("force", { by: "ann", token: first.token + 1 });
    expect(changed).toMatchObject({ status: "changed", holder: { token: first.token } });
    const stolen = await two.locks.steal("force", { by: "ann", reason: "stuck", token: first.token });
    await until(() => first.lost, { what: "the loss to be known", every: 5 });
    expect(first.lost).toMatchObject({ reason: "stolen", by: "ann", why: "stuck" });
    if (stolen.status !== "stolen") throw new Error(`it is ${stolen.status}`);
    expect(stolen.lock.token).toBeGreaterThan(first.token);
    await until(async () => (await two.locks.inspect("force")).waiting.length === 1, {
      what: "the second in line",
      every: 5,
    });
    expect(await one.locks.forceRelease("force", { by: "bob", token: stolen.lock.token })).toEqual({
      status: "released",
    });
    const second = await waiting;
    expect(second.token).toBeGreaterThan(stolen.lock.token);
    await second.release();
    expect(await one.locks.forceRelease("force", { by: "bob" })).toEqual({ status: "free" });
  });

  test("outlive neither their holder nor its lease", async () => {
    const [one, two] = await pair();
    const lock = await one.locks.acquire("death", { lease: 300, renew: false });
    const next = await two.locks.acquire("death");
    expect(lock.held).toBe(false);
    await until(() => lock.lost, { what: "the loss", every: 5 });
    expect(lock.lost).toMatchObject({ reason: "expired" });
    await next.release();
    await one.locks.acquire("close");
    const waiting = two.locks.acquire("close");
    await until(async () => (await two.locks.inspect("close")).waiting.length === 1, { what: "the next", every: 5 });
    await one.end();
    expect((await waiting).held).toBe(true);
    expect(two.locks.stats().handoffs).toBe(1);
  });

  test("are renewed while they are held, and kept for `minHold`", async () => {
    const [one, two] = await pair();
    const lock = await one.locks.acquire("renewal", { lease: 1_200 });
    await until(() => one.locks.stats().renewals >= 4, { what: "four renewals", every: 5 });
    expect(await two.locks.tryAcquire("renewal")).toMatchObject({ acquired: false, holder: { token: lock.token } });
    expect(await lock.release()).toBe(true);
    const run = ({ locks }: typeof one): Promise<unknown> => locks.once("cron", { minHold: 400 }, () => "done");
    const results = await Promise.all([run(one), run(two)]);
    expect(results.filter((result) => (result as { ran: boolean }).ran)).toEqual([{ ran: true, value: "done" }]);
    expect(await run(two)).toMatchObject({ ran: false });
    await until(async () => ((await run(two)) as { ran: boolean }).ran, { what: "the next time", every: 20 });
  });

  test("elect the next leader when one goes", async () => {
    const [one, two] = await pair();
    const terms: number[] = [];
    const stand = ({ locks }: typeof one): ReturnType<LockManager["elect"]> =>
      locks.elect("leader", { onElected: ({ term }) => void terms.push(term) });
    const first = stand(one);
    await until(() => first.isLeader, { what: "the first leader", every: 5 });
    const second = stand(two);
    await until(async () => (await two.locks.inspect("leader")).waiting.length === 1, { what: "the next", every: 5 });
    await one.locks.settle();
    await until(() => second.isLeader, { what: "the next leader", every: 5 });
    expect(await first.leader()).toMatchObject({ instance: "two", token: second.term });
    expect(terms).toEqual(terms.toSorted((a, b) => a - b));
    expect(terms).toHaveLength(2);
  });

  test("have registers that refuse old tokens", async () => {
    const [one, two] = await pair();
    const [old, young] = [one.locks.register("report"), two.locks.register("report")];
    const first = await one.locks.acquire("writer");
    await old.write("1", first);
    await first.release();
    const second = await two.locks.acquire("writer");
    await young.write("2", second);
    expect(await rejection(old.write("3", first))).toBeInstanceOf(StaleTokenError);
    expect(await old.read()).toEqual({ value: "2", token: second.token });
  });
});
