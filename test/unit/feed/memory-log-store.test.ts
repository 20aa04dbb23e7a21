import { expect, test } from "vitest";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { createMemoryLogStore } from "../../../src/feed/memory-log-store.js";
import { createMemoryRosterStore } from "../../../src/feed/memory-roster-store.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

const log = { key: "test:room:{a}:log", channel: "test:hint:room", name: "a" };
const entry = { log, origin: "one", payload: "x".repeat(1_000) };

test("a log takes its share of the memory, gives back what it trims, and so fills nothing by itself", async () => {
  // Room for a full log, hardly more.
  const limit = 10_000 * 1_300;
  const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock: new FakeClock(), limit });
  const store = createMemoryLogStore(backend);
  const start = await store.sync({ log, last: undefined, count: 1 });
  let since = start.entries[0]?.position as string;
  for (let number = 1; number <= 12_000; number += 1) {
    const result = await store.append({ ...entry, operation: `${number}`, since });
    if (result.status !== "OK") throw new Error(result.status);
    since = result.position;
  }
  expect(backend.budget.claim(limit / 10)).toBe(false);
  expect(backend.budget.claim(limit / 100)).toBe(true);
  await backend.close();
});

test("the stores of a closed backend reject, and never throw on the spot", async () => {
  const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock: new FakeClock() });
  const [logs, roster] = [createMemoryLogStore(backend), createMemoryRosterStore(backend)];
  await backend.close();
  const calls = [
    () => logs.append({ ...entry, operation: "1", since: "0-0" }),
    () => logs.sync({ log, last: undefined, count: 1 }),
    () => roster.beat({ id: "one", positions: "", details: "", forget: 0 }),
    () => roster.read(),
    () => roster.leave({ id: "one" }),
  ];
  for (const call of calls) {
    const promise = call();
    await expect(promise).rejects.toMatchObject({ code: "ERR_FLEET_CLOSED" });
  }
});
