import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import { TextTable } from "../../src/backend/text-table.js";
import { formatLock, parseLock } from "../../src/locks/lock-record.js";
import { MemoryLockStore } from "../../src/locks/memory-lock-store.js";
import { FakeClock } from "../../src/testing/fake-clock.js";
import { claim, granted, Instance, newName } from "../../src/testing/lock-store-fixture.js";
import {
  fullLockStoreSuite,
  lockStoreSuite,
  type FillableLockStoreHarness,
} from "../../src/testing/lock-store-suite.js";
import { startTopology, type Topology } from "../support/servers/topology.js";
import { topologyForTest } from "../support/topology-for-test.js";
import { lockHarness } from "./redis-lock-harness.js";
import { openBackend } from "./redis-session-harness.js";

const kind = process.env["TEST_TOPOLOGY"] ?? "memory";

if (kind === "memory") onMemory();
else onRedis(kind as "single" | "sentinel" | "cluster");

function onMemory(): void {
  const createStore = async (): Promise<FillableLockStoreHarness> => {
    const clock = new FakeClock();
    const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock });
    const table = backend.room("locks", () => new TextTable(backend));
    const { keys } = backend;
    let filled = 0;
    return {
      store: new MemoryLockStore(backend),
      elapse: async (milliseconds) => clock.advance(milliseconds),
      // What ends now is not there any more.
      plant: async (name, text = "") =>
        table.force(keys.key("locks", name, "lock"), text, backend.time() + (text === "" ? 0 : 60_000)),
      plantRegister: async (register, text) =>
        table.force(keys.key("locks", register, "register"), text, backend.time() + 60_000),
      listen: async (process) => {
        const heard: string[] = [];
        const message = (text: string): void => void heard.push(text);
        backend.subscribe(keys.mailChannel(process), { message, gap: () => undefined });
        return heard;
      },
      settle: () =>
        new Promise((resolve) => {
          setImmediate(resolve);
        }),
      fill: async () => {
        for (let bytes = 2 ** 30; bytes >= 1; bytes = Math.floor(bytes / 2)) {
          while (backend.budget.claim(bytes)) filled += bytes;
        }
      },
      drain: async () => {
        backend.budget.release(filled);
        filled = 0;
      },
      close: () => backend.close(),
    };
  };
  lockStoreSuite({ test, createStore });
  fullLockStoreSuite({ test, createStore });
}

function onRedis(topologyKind: "single" | "sentinel" | "cluster"): void {
  describe("on the project's servers", () => {
    let backend: RedisBackend;
    let topology: Topology;
    beforeAll(async () => {
      topology = topologyForTest();
      backend = await openBackend(topology.config);
    });
    afterAll(() => backend.close());
    // Side by side, because many of them wait for a lease to end.
    lockStoreSuite({ test: test.concurrent, createStore: async () => lockHarness(topology, backend) });
  });

  describe("on servers of its own, whose memory it fills", () => {
    let backend: RedisBackend;
    let topology: Topology;
    beforeAll(async () => {
      topology = await startTopology(topologyKind);
      backend = await openBackend(topology.config);
    });
    afterAll(async () => {
      await backend.close();
      await topology.stop();
    });
    fullLockStoreSuite({ test, createStore: async () => lockHarness(topology, backend) });

    test("scripts and this process read each other's texts", async () => {
      const { store, plant } = lockHarness(topology, backend);
      const [name, one, two] = [newName(), new Instance().request(""), new Instance().request("")];
      const [notes, other] = ['{"ü":"| %s \u2028 🦊"}', '{"x":1}'];
      const since = Date.now() - 1_000;
      const waiter = { until: since + 60_000, lease: 9_000, since, notes };
      const record = {
        owner: one.process,
        number: 7,
        token: 2 ** 52 + 1,
        lastToken: 2 ** 52 + 16,
        expires: since + 60_000,
        since,
        ended: [{ process: "gone", number: 3, at: since }],
        notes,
        forced: `op|x|1|forced|${other}`,
        waiters: [
          { ...waiter, process: two.process, number: 2 },
          { ...waiter, process: "later", number: 5, notes: other },
        ],
      };
      await plant(name, formatLock(record));
      const use = { lease: 1, token: record.token, held: 0, notes };
      expect((await store.renew({ name, process: one.process, number: 7 }, use)).status).toBe("renewed");
      const key = backend.keys.key("locks", name, "lock");
      const [text] = await backend.read(key, [["get"]]);
      expect(parseLock(String(text))).toEqual(record);
    });

    test("every method is one command, whatever the lock", async () => {
      const { store } = lockHarness(topology, backend);
      const calls = async (command: string): Promise<number> => {
        const stats = await Promise.all(
          topology.dataServers.map(async (server) => String(await topology.command(server, "INFO", "commandstats"))),
        );
        const counted = stats.flatMap((text) => [
          ...text.matchAll(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "gm")),
        ]);
        return counted.reduce((sum, [, number]) => sum + Number(number), 0);
      };
      const useAll = async (name: string): Promise<void> => {
        const [one, two] = [new Instance(), new Instance()];
        const [first, second] = [one.request(name), one.request(name)];
        const { token } = granted(await store.ask(first, claim()));
        await store.ask(two.request(name), claim({ patience: 0 }));
        await store.renew(first, { lease: 1_000, token, held: 0, notes: "{}" });
        await store.endAndAsk(first, second.number, claim());
        const force = { name, operation: "o", why: "{}", expected: undefined };
        const mine = two.request(name);
        await store.steal(force, mine, claim());
        await store.end(mine, 0);
        await store.forceRelease({ ...force, operation: "p", process: "x" });
        await store.inspect(name);
        await store.write({ register: name, token, process: "x", sequence: 1, life: 0, value: "" });
      };
      // A server that has not seen a script is sent its source; on a cluster that is each of them.
      for (let lock = 0; lock < 30; lock += 1) await useAll(newName());
      const before = await calls("evalsha");
      const sources = await calls("eval");
      for (let lock = 0; lock < 10; lock += 1) await useAll(newName());
      expect((await calls("evalsha")) - before).toBe(90);
      expect(await calls("eval")).toBe(sources);
    });
  });
}
