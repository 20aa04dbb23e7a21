import { describe, expect, test } from "vitest";
import type { LogStore } from "../../../src/feed/log-store.js";
import type { RosterStore } from "../../../src/feed/roster-store.js";
import { appendingCases } from "../../../src/testing/log-store-appending-cases.js";
import { followingCases } from "../../../src/testing/log-store-following-cases.js";
import { forkingCases } from "../../../src/testing/log-store-forking-cases.js";
import { fullLogStoreSuite, logStoreSuite } from "../../../src/testing/log-store-suite.js";
import { rosterStoreCases } from "../../../src/testing/roster-store-cases.js";
import { rosterStoreSuite } from "../../../src/testing/roster-store-suite.js";
import { memoryLogHarness, memoryRosterHarness } from "../../conformance/feed-harness.js";

// The suites are for adapters of others too: they must find out one that is broken.

type Cases = { readonly name: string; readonly run: () => Promise<void> }[];

async function failuresOf(
  register: (test: (name: string, run: () => Promise<void>) => void) => void,
): Promise<string[]> {
  const cases: Cases = [];
  register((name, run) => void cases.push({ name, run }));
  expect(cases.length).toBeGreaterThan(0);
  const failed: string[] = [];
  for (const { name, run } of cases) await run().catch(() => failed.push(name));
  return failed;
}

function logFailures(damage: (store: LogStore) => Partial<LogStore>): Promise<string[]> {
  const createStore = async (): ReturnType<typeof memoryLogHarness> => {
    const harness = await memoryLogHarness();
    const { store } = harness;
    const whole: LogStore = {
      append: (params) => store.append(params),
      sync: (params) => store.sync(params),
      read: (params) => store.read(params),
    };
    return { ...harness, store: { ...whole, ...damage(store) } };
  };
  return failuresOf((register) => {
    logStoreSuite({ test: register, createStore });
    fullLogStoreSuite({ test: register, createStore });
  });
}

function rosterFailures(damage: (store: RosterStore) => Partial<RosterStore>): Promise<string[]> {
  const createStore = async (): Promise<ReturnType<typeof memoryRosterHarness>> => {
    const harness = memoryRosterHarness();
    const { store } = harness;
    const whole: RosterStore = {
      beat: (params) => store.beat(params),
      read: () => store.read(),
      leave: (params) => store.leave(params),
    };
    return { ...harness, store: { ...whole, ...damage(store) } };
  };
  return failuresOf((register) => rosterStoreSuite({ test: register, createStore }));
}

describe("the suite of logs", () => {
  test("has names of its own for its cases, and some for every method", () => {
    const names = [...appendingCases, ...followingCases, ...forkingCases].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const method of ["append ", "sync ", "read "])
      expect(names.some((name) => name.startsWith(method))).toBe(true);
  });

  test("lets an adapter without faults pass", async () => {
    expect(await logFailures(() => ({}))).toEqual([]);
  });

  test("finds out one that knows no resends", async () => {
    let number = 0;
    const failed = await logFailures((store) => ({
      append: (params) => store.append({ ...params, operation: `${params.operation}-${(number += 1)}` }),
    }));
    expect(failed).toContain("append recognises its resend after others appended");
  });

  test("finds out one that tells no fork", async () => {
    const failed = await logFailures((store) => ({
      async sync(params) {
        const reply = await store.sync(params);
        return { ...reply, status: reply.status === "FORK" ? "OK" : reply.status };
      },
    }));
    expect(failed).toContain("sync says that the last applied entry was lost, and puts the end of the log above it");
    expect(failed).toContain("sync tells an entry from another at the same position");
  });

  test("finds out one that begins a second page with the next entry", async () => {
    const failed = await logFailures((store) => ({
      async sync(params) {
        const reply = await store.sync(params);
        return { ...reply, entries: reply.status === "OK" ? reply.entries.slice(1) : reply.entries };
      },
    }));
    expect(failed).toContain("sync gives what follows the last applied entry, with that one, as many as are asked for");
  });

  test("finds out one that gives everybody a beginning of his own", async () => {
    const failed = await logFailures((store) => ({
      async sync(params) {
        const reply = await store.sync(params);
        if (reply.status !== "START") return reply;
        return { ...reply, entries: reply.entries.map((entry) => ({ ...entry, operation: `${Math.random()}` })) };
      },
    }));
    expect(failed).toContain("sync begins an empty log with a mark, one for all who begin at once");
  });
});

describe("the suite of rosters", () => {
  test("has names of its own for its cases, and some for every method", () => {
    const names = rosterStoreCases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const method of ["beat ", "read ", "leave "]) expect(names.some((name) => name.startsWith(method))).toBe(true);
  });

  test("lets an adapter without faults pass", async () => {
    expect(await rosterFailures(() => ({}))).toEqual([]);
  });

  test("finds out one whose versions stand still, and one whose versions never do", async () => {
    const changes = "beat gives another version when somebody came, went or changed its details, and for nothing else";
    const still = await rosterFailures((store) => ({
      beat: async (params) => ({ ...(await store.beat(params)), version: 1 }),
    }));
    expect(still).toContain(changes);
    let version = 0;
    const restless = await rosterFailures((store) => ({
      beat: async (params) => ({ ...(await store.beat(params)), version: (version += 1) }),
    }));
    expect(restless).toContain(changes);
  });

  test("finds out one that forgets nobody, and one whose leavers stay", async () => {
    const unforgetting = await rosterFailures((store) => ({
      beat: (params) => store.beat({ ...params, forget: 0 }),
    }));
    expect(unforgetting).toContain(
      "beat forgets those that were silent for longer than it is told, and nobody when it is told 0",
    );
    const clinging = await rosterFailures(() => ({ leave: async () => undefined }));
    expect(clinging).toContain("leave removes one instance, and whoever is not there is as good as removed");
  });
});
