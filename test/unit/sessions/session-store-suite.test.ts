import { expect, test } from "vitest";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { sessionKey } from "../../../src/sessions/identifier.js";
import { MemorySessionStore } from "../../../src/sessions/memory-session-store.js";
import type { SessionStore } from "../../../src/sessions/session-store.js";
import { TextTable } from "../../../src/backend/text-table.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";
import { sessionStoreCases } from "../../../src/testing/session-store-cases.js";
import { sessionStoreSuite } from "../../../src/testing/session-store-suite.js";

/** Runs the whole suite on a store that is broken in one way, or where time stands still; returns the cases that failed. */
async function failuresOf(
  damage: (store: SessionStore) => SessionStore,
  { timePasses = true }: { readonly timePasses?: boolean } = {},
): Promise<string[]> {
  const cases: { name: string; run: () => Promise<void> }[] = [];
  sessionStoreSuite({
    test: (name, run) => void cases.push({ name, run }),
    createStore: async () => {
      const clock = new FakeClock();
      const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock });
      const table = backend.room("sessions", () => new TextTable(backend));
      return {
        store: damage(new MemorySessionStore(backend)),
        elapse: async (milliseconds) => void (timePasses && clock.advance(milliseconds)),
        plant: async (selector, text) =>
          void table.set(sessionKey(backend.keys, selector), text, backend.time() + 60_000),
        close: () => backend.close(),
      };
    },
  });
  const failed: string[] = [];
  for (const { name, run } of cases) await run().catch(() => failed.push(name));
  return failed;
}

function methodsOf(store: SessionStore): SessionStore {
  return {
    load: (params) => store.load(params),
    put: (params) => store.put(params),
    update: (params) => store.update(params),
    touch: (params) => store.touch(params),
    destroy: (params) => store.destroy(params),
  };
}

test("every method of the port is what some case is about, and no two cases have one name", () => {
  const methods = Object.getOwnPropertyNames(MemorySessionStore.prototype).filter((name) => name !== "constructor");
  expect(methods.sort()).toEqual(["destroy", "load", "put", "touch", "update"]);
  const names = sessionStoreCases.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const method of methods)
    expect(names.filter((name) => name.startsWith(`${method} `)).length, method).toBeGreaterThanOrEqual(3);
});

test("an adapter without faults passes", async () => {
  expect(await failuresOf(methodsOf)).toEqual([]);
});

test("an adapter that knows no resends is found out", async () => {
  let sequence = 1_000_000;
  const failed = await failuresOf((store) => ({
    ...methodsOf(store),
    update: (params) => store.update({ ...params, write: { ...params.write, sequence: (sequence += 1) } }),
  }));
  expect(failed).toContain("update recognises its own resend after another process wrote");
  expect(failed).toContain("update replaces the payload and keeps the rest, each reply lost once");
});

test("an adapter that forgets what it destroyed is found out", async () => {
  let stranger = 0;
  const failed = await failuresOf((store) => ({
    ...methodsOf(store),
    // Every create looks like that of a process which the tombstone does not know.
    put: (params) => store.put({ ...params, write: { processId: `stranger-${(stranger += 1)}`, sequence: 1 } }),
  }));
  expect(failed).toContain("destroy outlives a create that was sent earlier and arrives for the first time");
  expect(failed).toContain("destroy ends a session for every later call, each write delivered again late");
});

test("an adapter whose versions only count is found out", async () => {
  // Where time stands still, that is what the embedded backend does.
  const failed = await failuresOf(methodsOf, { timePasses: false });
  expect(failed).toContain("update on a write that a failover lost spares what another process wrote in its place");
});

test("an adapter whose update creates, or ignores the base, is found out", async () => {
  const failed = await failuresOf((store) => ({
    ...methodsOf(store),
    update: async (params) => {
      const { payload = "{}", cookie = "{}" } = params;
      await store.put({ ...params, payload: payload ?? "{}", cookie: cookie ?? "{}", absolute: 0 });
      return { status: "done", version: 2 };
    },
  }));
  expect(failed).toContain("update never creates");
  expect(failed).toContain("update lets one of many with the same base through");
});
