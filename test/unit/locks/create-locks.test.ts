import { describe, expect, onTestFinished, test } from "vitest";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { resolveLogger } from "../../../src/core/logger.js";
import type { Feed } from "../../../src/feed/feed.js";
import { createLocks } from "../../../src/locks/create-locks.js";
import type { LockManager } from "../../../src/locks/locks.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { settle } from "../backend/open-backend.js";
import { gate, watch } from "./lock-world.js";

describe("the locks of a fleet", () => {
  const clock = new FakeClock();

  /** An instance whose letters are heard from `listening` on. */
  function open(instance: string, listening: Promise<void>, opened: string[] = []): LockManager {
    const backend = createMemoryBackend({ namespace: "test", instanceId: instance, clock, name: "create-locks" });
    const feed = (): Feed => {
      opened.push(instance);
      return { mailbox: { on: () => () => undefined, listening } } as unknown as Feed;
    };
    const locks = createLocks({ backend, options: {}, clock, logger: resolveLogger(false), instance, feed });
    onTestFinished(async () => {
      await locks.close();
      await backend.close();
    });
    return locks;
  }

  test("open nothing before one is used", async () => {
    const opened: string[] = [];
    const locks = open("one", Promise.resolve(), opened);
    expect([locks.inUse, locks.level, opened]).toEqual([false, "memory", []]);
    await locks.using("a", () => undefined);
    expect(locks.sharedSettings()).toEqual({ maxLease: 30_000, failover: "guard" });
    expect(locks.inUse).toBe(true);
    expect(opened).toHaveLength(1);
  });

  test("ask again once letters are heard: what was told before was missed", async () => {
    const heard = gate();
    const [one, two] = [open("one", heard.opened), open("two", heard.opened)];
    const lock = await one.acquire("a");
    const waiting = watch(two.acquire("a"));
    await settle();
    await lock.release();
    await settle();
    expect(waiting.isSettled).toBe(false);
    heard.open();
    await settle();
    expect(waiting.value?.held).toBe(true);
  });
});
