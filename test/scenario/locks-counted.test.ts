import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createFleet, type Fleet, type FleetOptions } from "../../src/index.js";
import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { connectionString } from "../support/servers/topology.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { pause, until } from "../support/until.js";
import { readyFleet } from "./fleet-for-test.js";
import { Monitor } from "./wire-monitor.js";

// What locks cost, counted: commands at the proxies of the processes, messages at the server.

let count = 0;
const newName = (): string => `counted-${(count += 1)}`;
const locks = { lease: 3_000, maxLease: 3_000 };

let topology: SingleTopology;
beforeAll(async () => {
  topology = await startSingle();
});
afterAll(() => topology?.stop());

test("a replica that lags slows no guarded lock while others wait for it", async () => {
  const sentinel = await startSentinel({ replicas: 1, sentinels: 1, downAfter: 30_000 });
  onTestFinished(() => sentinel.stop());
  const backend = connectionString(sentinel.config);
  const fleet = await readyFleet({ backend, namespace: "counted", locks });
  const replicated = { guarantee: "replicated", wait: 20_000 } as const;
  await (await fleet.locks.acquire(newName(), replicated)).release();
  const [replica] = await sentinel.replicas();
  if (replica === undefined) throw new Error("there is no replica");
  sentinel.processAt(replica).pause();
  let granted = 0;
  const waiting = Array.from({ length: 20 }, async () => {
    const lock = await fleet.locks.acquire(newName(), replicated);
    granted += 1;
    return lock.release();
  });
  let longest = 0;
  for (let turn = 0; turn < 100; turn += 1) {
    const began = performance.now();
    await (await fleet.locks.acquire(newName())).release();
    longest = Math.max(longest, performance.now() - began);
  }
  expect(granted).toBe(0);
  expect(longest).toBeLessThan(500);
  sentinel.processAt(replica).resume();
  await Promise.all(waiting);
  expect(granted).toBe(20);
});

describe("on a single server", () => {
  beforeAll(async () => {
    const fleet = createFleet({ ...optionsFor(topology.server.port), logger: false });
    // A server that has just started grants nothing for as long as a lease.
    await (await fleet.locks.acquire(newName())).release();
    await fleet.close();
  });

  function optionsFor(port: number): FleetOptions {
    return { backend: `redis://127.0.0.1:${port}`, namespace: "counted", locks };
  }

  function join(port: number = topology.server.port): Promise<Fleet> {
    return readyFleet(optionsFor(port));
  }

  /** A process that has used locks before, and the commands that it sends, or those of them that name a lock. */
  async function countedProcess(): Promise<{
    readonly fleet: Fleet;
    readonly sent: (name?: string) => readonly string[];
  }> {
    const [target] = topology.dataServers;
    if (target === undefined) throw new Error("there is no server");
    const proxy = await TcpProxy.start({ target });
    onTestFinished(() => proxy.stop());
    const fleet = await join(proxy.port);
    await (await fleet.locks.acquire(newName())).release();
    proxy.resetCounts();
    const sent = (lock?: string): readonly string[] =>
      proxy.commands().flatMap(({ name, words }) => {
        return lock === undefined || words.some((word) => word.includes(`{${lock}}`)) ? name : [];
      });
    return { fleet, sent };
  }

  test("a lock that is free is taken and given back with two commands", async () => {
    const { fleet, sent } = await countedProcess();
    const name = newName();
    for (let turn = 0; turn < 10; turn += 1) await (await fleet.locks.acquire(name)).release();
    expect(sent(name)).toEqual(Array.from({ length: 20 }, () => "EVALSHA"));
  });

  test("a lock that is held for long is renewed three times in a lease", async () => {
    const { fleet, sent } = await countedProcess();
    const name = newName();
    const lock = await fleet.locks.acquire(name, { lease: 600 });
    await pause(1_100);
    await lock.release();
    // Between the first and the last at most five, each 200 ms after the answer to the one before.
    expect(sent(name).length).toBeGreaterThanOrEqual(2 + 3);
    expect(sent(name).length).toBeLessThanOrEqual(2 + 5);
  });

  test("a hundred who wait in one process make a handful of commands", async () => {
    const { fleet, sent } = await countedProcess();
    const name = newName();
    const held = await (await join()).locks.acquire(name);
    let served = 0;
    const all = Array.from({ length: 100 }, () =>
      fleet.locks.using(name, () => {
        served += 1;
      }),
    );
    await until(() => sent(name).length > 0, { what: "the question" });
    await held.release();
    await Promise.all(all);
    expect(served).toBe(100);
    // The first and the last, and one for each sixteen; beside it a confirmation where these take longer than 20 ms.
    expect(sent(name).length).toBeLessThanOrEqual(20);
  });

  test("a process that waits asks each one and a half seconds, and for nothing else", async () => {
    const { fleet, sent } = await countedProcess();
    const name = newName();
    const held = await (await join()).locks.acquire(name);
    const waiting = fleet.locks.acquire(name);
    await until(() => sent(name).length > 0, { what: "the question" });
    const [asked, before] = [sent(name).length, sent().length];
    await pause(3_400);
    const [polls, all] = [sent(name).length - asked, sent().length - before];
    expect(polls).toBeGreaterThanOrEqual(1);
    expect(polls).toBeLessThanOrEqual(2);
    // Whoever listens shows that it lives: a beat every two seconds, an echo every five, and TIME where nothing was sent.
    expect(all - polls).toBeLessThanOrEqual(2 + 1 + 3);
    await held.release();
    await (await waiting).release();
  });

  test("a handoff is one message to one process, and there is none when nobody waits", async () => {
    const monitor = await Monitor.start(topology.server.address);
    onTestFinished(() => monitor.stop());
    const messages = (): readonly (string | undefined)[] =>
      monitor.executed.flatMap(({ words: [command, channel, text] }) =>
        command?.toUpperCase() === "PUBLISH" && text?.startsWith("locks|") === true ? [channel] : [],
      );
    const name = newName();
    const fleets = [await join(), await join(), await join(), await join()];
    for (const { locks } of fleets) await (await locks.acquire(name)).release();
    expect(messages()).toEqual([]);
    const [first, ...others] = fleets;
    const held = await first?.locks.acquire(name);
    const served = others.map(async ({ locks }) => (await locks.acquire(name)).release());
    await until(async () => (await first?.locks.inspect(name))?.waiting.length === 3, { what: "three to wait" });
    expect(messages()).toEqual([]);
    await held?.release();
    await Promise.all(served);
    await until(() => messages().length >= 3, { what: "the messages" });
    expect(messages()).toHaveLength(3);
    expect(new Set(messages()).size).toBe(3);
  });
});
