import { beforeEach, expect, test } from "vitest";
import { createMemoryBackend } from "../../../src/backend/memory/memory-backend.js";
import { counters } from "../../../src/core/diagnostics.js";
import { UnavailableError } from "../../../src/core/errors.js";
import { MemorySessionStore } from "../../../src/sessions/memory-session-store.js";
import { createMerge, type MergeOptions } from "../../../src/sessions/merge.js";
import {
  SaveCoordinator,
  type SaveOutcome,
  type SavePlan,
  type Snapshot,
} from "../../../src/sessions/save-coordinator.js";
import type { SessionStore, UpdateParams } from "../../../src/sessions/session-store.js";
import { FakeClock } from "../../../src/testing/fake-clock.js";

const address = { selector: "A".repeat(22), token: "token" };
const idle = 60_000;
const cookie = "{}";

let clock: FakeClock;
let memory: MemorySessionStore;
/** What reached the store. */
let sent: string[];
let sequence = 0;

beforeEach(() => {
  clock = new FakeClock();
  memory = new MemorySessionStore(createMemoryBackend({ namespace: "test", instanceId: "one", clock }));
  sent = [];
});

function recorded(
  store: SessionStore,
  before: (params: UpdateParams) => Promise<void> = async () => undefined,
): SessionStore {
  return {
    load: (params) => store.load(params),
    touch: (params) => store.touch(params),
    put: (params) => {
      sent.push(`put ${params.write.sequence}`);
      return store.put(params);
    },
    update: async (params) => {
      sent.push(`update ${params.write.sequence} on ${params.baseVersion}`);
      await before(params);
      return store.update(params);
    },
    destroy: (params) => {
      sent.push(`destroy ${params.write.sequence}`);
      return store.destroy(params);
    },
  };
}

function coordinator(store: SessionStore = recorded(memory), merge: MergeOptions = { fields: { n: "counter" } }) {
  const counted = counters(["saves", "conflicts", "merges", "destroys"]);
  const made = new SaveCoordinator({
    store,
    merge: createMerge(merge),
    clock,
    counters: counted,
    processId: "me",
    deadline: 8000,
  });
  const save = (plan: SavePlan, replan: () => SavePlan = () => plan): Promise<SaveOutcome> =>
    made.save(address, { plan, replan, ended: () => undefined });
  return { coordinator: made, save, counted };
}

const update = (base: Snapshot, fields: object, more: Partial<Snapshot> = {}): SavePlan => ({
  kind: "update",
  base,
  content: { idle: base.idle, cookie: base.cookie, payload: JSON.stringify(fields), ...more },
});

async function stored(): Promise<Snapshot> {
  const result = await memory.load(address);
  if (result.status !== "found") throw new Error(result.status);
  return result.record;
}

/** Another process replaces the fields. */
async function other(fields: object): Promise<void> {
  const { created, version } = await stored();
  const write = { processId: "other", sequence: (sequence += 1) };
  const params = {
    ...address,
    created,
    baseVersion: version,
    idle,
    cookie: undefined,
    payload: JSON.stringify(fields),
    write,
  };
  expect((await memory.update(params)).status).toBe("done");
}

async function create(fields: object): Promise<Snapshot> {
  const write = { processId: "other", sequence: (sequence += 1) };
  await memory.put({ ...address, idle, absolute: 0, cookie, payload: JSON.stringify(fields), write });
  return stored();
}

test("a put creates, and gives the base of the next save", async () => {
  const { save } = coordinator();
  const outcome = await save({ kind: "put", absolute: 0, content: { idle, cookie, payload: '{"a":1}' } });
  const { version } = await stored();
  expect(outcome).toMatchObject({ status: "saved", merged: false, snapshot: { version, payload: '{"a":1}' } });
  if (outcome.status !== "saved") throw new Error("not saved");
  const updated = await save(update(outcome.snapshot, { a: 2 }));
  const next = (await stored()).version;
  expect(next).toBeGreaterThan(version);
  expect(updated).toMatchObject({ status: "saved", snapshot: { version: next } });
  expect(sent).toEqual(["put 1", `update 2 on ${version}`]);
});

test("a conflict is merged and sent again at once, under a new number", async () => {
  const base = await create({ n: 1, mine: 0, theirs: 0 });
  await other({ n: 5, mine: 0, theirs: 1 });
  const { version } = await stored();
  expect(version).toBeGreaterThan(base.version);
  const { save, counted } = coordinator();
  const outcome = await save(update(base, { n: 2, mine: 1, theirs: 0 }));
  expect(outcome).toMatchObject({ status: "saved", merged: true });
  expect(JSON.parse((await stored()).payload)).toEqual({ n: 6, mine: 1, theirs: 1 });
  expect(sent).toEqual([`update 1 on ${base.version}`, `update 2 on ${version}`]);
  expect(counted.snapshot()).toEqual({ saves: 1, conflicts: 1, merges: 1, destroys: 0 });
});

test("a conflict is retried until the deadline, however often that is", async () => {
  const base = await create({ n: 0, others: 0 });
  let rounds = 0;
  const store = recorded(memory, async () => {
    if (rounds === 200) return;
    rounds += 1;
    clock.advance(10);
    await other({ n: 0, others: rounds });
  });
  const { save } = coordinator(store);
  expect(await save(update(base, { n: 1, others: 0 }))).toMatchObject({ status: "saved" });
  expect(JSON.parse((await stored()).payload)).toEqual({ n: 1, others: 200 });
});

test("a conflict that does not end is refused at the deadline, and nothing of it is stored", async () => {
  const base = await create({ n: 0 });
  let rounds = 0;
  const store = recorded(memory, async () => {
    clock.advance(500);
    await other({ n: 0, others: (rounds += 1) });
  });
  const { save } = coordinator(store);
  await expect(save(update(base, { n: 1 }))).rejects.toMatchObject({ code: "ERR_FLEET_TIMEOUT", status: 503 });
  expect(rounds).toBe(16);
  expect(JSON.parse((await stored()).payload)).toMatchObject({ n: 0 });
});

test("fifty saves of one base in this process need fifty trips and meet no conflict", async () => {
  const base = await create({ n: 0 });
  const { save, counted } = coordinator();
  await Promise.all(Array.from({ length: 50 }, () => save(update(base, { n: 1 }))));
  expect(JSON.parse((await stored()).payload)).toEqual({ n: 50 });
  expect(sent).toHaveLength(50);
  expect(counted.snapshot()).toMatchObject({ saves: 50, conflicts: 0, merges: 49 });
});

test("a merge that changes nothing more needs no trip", async () => {
  const base = await create({ a: 1 });
  const { save } = coordinator();
  const [, second] = await Promise.all([save(update(base, { a: 2 })), save(update(base, { a: 2 }))]);
  const { version } = await stored();
  expect(second).toMatchObject({ status: "saved", merged: true, snapshot: { version } });
  expect(version).toBeGreaterThan(base.version);
  expect(sent).toHaveLength(1);
});

test("who waited decides anew what to write", async () => {
  const base = await create({ n: 0 });
  const { save } = coordinator();
  const first = save(update(base, { n: 1 }));
  const second = save(update(base, { n: 7 }), () => ({ kind: "nothing" }));
  expect(await first).toMatchObject({ status: "saved" });
  expect(await second).toEqual({ status: "nothing" });
  expect(JSON.parse((await stored()).payload)).toEqual({ n: 1 });
});

test("the cookie and the idle time are mine when I changed them, else theirs", async () => {
  const base = await create({ a: 1 });
  const { created, version } = base;
  const write = { processId: "other", sequence: (sequence += 1) };
  const theirs = { idle: 90_000, cookie: '{"theirs":1}', payload: undefined };
  await memory.update({ ...address, created, baseVersion: version, ...theirs, write });
  const { save } = coordinator();
  await save(update(base, { a: 2 }));
  expect(await stored()).toMatchObject({ idle: 90_000, cookie: '{"theirs":1}', payload: '{"a":2}' });
  await save(update(base, { a: 2 }, { idle: 30_000, cookie: '{"mine":1}' }));
  expect(await stored()).toMatchObject({ idle: 30_000, cookie: '{"mine":1}' });
});

test("a destroy waits for the save before it, and the save after it finds nothing", async () => {
  const base = await create({ a: 1 });
  const { save, coordinator: made } = coordinator();
  const outcomes = await Promise.all([
    save(update(base, { a: 2 })),
    made.destroy(address),
    save(update(base, { a: 3 })),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["saved", "done", "gone"]);
  expect(sent.map((line) => line.split(" ")[0])).toEqual(["update", "destroy", "update"]);
  expect((await memory.load(address)).status).toBe("missing");
});

test("a field under `reject` that both changed ends the save with what to tell the user", async () => {
  const base = await create({ seat: 1 });
  await other({ seat: 2 });
  const { save } = coordinator(recorded(memory), { fields: { seat: "reject" } });
  const expected = { code: "ERR_FLEET_SESSION_CONFLICT", status: 409, field: "seat", executed: "no" };
  await expect(save(update(base, { seat: 3 }))).rejects.toMatchObject(expected);
  expect((await stored()).payload).toBe('{"seat":2}');
});

test("after a failure the next save starts from what is stored, not from what was sent", async () => {
  const base = await create({ n: 0 });
  let failing = true;
  const store = recorded(memory, async () => {
    if (!failing) return;
    failing = false;
    throw new UnavailableError("away");
  });
  const { save } = coordinator(store);
  const results = await Promise.allSettled([save(update(base, { n: 1 })), save(update(base, { n: 1 }))]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  expect((await stored()).payload).toBe('{"n":1}');
});

test("what another program stored meanwhile is an error, never overwritten", async () => {
  const base = await create({ a: 1 });
  const { created, version } = base;
  await memory.update({
    ...address,
    created,
    baseVersion: version,
    idle,
    cookie: undefined,
    payload: "[1]",
    write: { processId: "x", sequence: 1 },
  });
  const { save } = coordinator();
  await expect(save(update(base, { a: 2 }))).rejects.toMatchObject({ code: "ERR_FLEET_CORRUPT_DATA" });
  expect((await stored()).payload).toBe("[1]");
});
