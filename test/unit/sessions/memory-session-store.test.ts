import { beforeEach, describe, expect, test } from "vitest";
import type { MemoryBackend } from "../../../src/backend/backend.js";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { MemorySessionStore } from "../../../src/sessions/memory-session-store.js";
import { TextTable } from "../../../src/backend/text-table.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

let clock: FakeClock;
let backend: MemoryBackend;
let store: MemorySessionStore;
let sequence = 0;

beforeEach(() => {
  clock = new FakeClock();
  backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock, limit: 1_000_000 });
  store = new MemorySessionStore(backend);
});

const address = (n: number) => ({ selector: String(n).padStart(22, "A"), token: `token-${n}` });
const write = () => ({ processId: "p", sequence: (sequence += 1) });
const put = (n: number, idle = 60_000) =>
  store.put({ ...address(n), idle, absolute: 0, cookie: "{}", payload: '{"a":1}', write: write() });
const table = () => backend.room("sessions", () => new TextTable(backend));

/** What the embedded backend has left, to the byte. */
function free(): number {
  let left = 0;
  for (let bytes = 2 ** 20; bytes >= 1; bytes = Math.floor(bytes / 2))
    while (backend.budget.claim(bytes)) left += bytes;
  backend.budget.release(left);
  return left;
}

describe("expired sessions", () => {
  test("are swept without being asked for, a slice at a time, and their memory comes back", async () => {
    const before = free();
    for (let n = 0; n < 1500; n += 1) await put(n, 500);
    await put(9999);
    expect(free()).toBeLessThan(before);
    clock.advance(3000);
    expect(table().size).toBe(1);
    await store.destroy({ ...address(9999), write: write() });
    clock.advance(13_000);
    expect(table().size).toBe(0);
    expect(free()).toBe(before);
  });

  test("are swept by a timer that is there only while there are entries", async () => {
    expect(clock.timers).toBe(0);
    await put(1, 500);
    expect(clock.timers).toBe(1);
    clock.advance(3000);
    expect(clock.timers).toBe(0);
    await put(1, 500);
    expect(clock.timers).toBe(1);
  });

  test("are removed when they are met, before the sweep", async () => {
    await put(1, 500);
    clock.advance(500);
    expect((await store.load(address(1))).status).toBe("missing");
    expect(table().size).toBe(0);
  });

  test("a wall clock that jumps ends none", async () => {
    await put(1);
    clock.jumpWall(365 * 86_400_000);
    expect((await store.load(address(1))).status).toBe("found");
    clock.jumpWall(-2 * 365 * 86_400_000);
    expect((await store.load(address(1))).status).toBe("found");
  });
});

test("a tombstone is forgotten after ten seconds", async () => {
  const late = write();
  await put(1);
  await store.destroy({ ...address(1), write: write() });
  clock.advance(9999);
  const params = { ...address(1), idle: 60_000, absolute: 0, cookie: "{}", payload: "{}", write: late };
  expect((await store.put(params)).status).toBe("gone");
  clock.advance(1);
  expect((await store.put(params)).status).toBe("done");
});

test("replacing and destroying give back what was taken", async () => {
  const before = free();
  await put(1);
  const taken = before - free();
  await put(1);
  expect(before - free()).toBeLessThanOrEqual(taken + 20);
  await store.destroy({ ...address(1), write: write() });
  expect(before - free()).toBeLessThan(taken);
});

test("a tombstone at full memory takes nothing, and gives nothing back that it did not take", async () => {
  await put(1);
  const left = free();
  backend.budget.claim(left);
  await store.destroy({ ...address(1), write: write() });
  await store.destroy({ ...address(2), write: write() });
  clock.advance(20_000);
  expect(table().size).toBe(0);
  backend.budget.release(left);
  expect(free()).toBe(1_000_000);
});

test("a closed backend refuses every call", async () => {
  await put(1);
  await backend.close();
  await expect(store.load(address(1))).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
  await expect(put(1)).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
});
