import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { createRedisBackend } from "../../../src/backend/redis/redis-backend.js";
import { systemClock } from "../../../src/core/clock.js";
import { addressOf, generateId, sessionKey } from "../../../src/sessions/identifier.js";
import { formatSession, formatTombstone, parseStored, type Writer } from "../../../src/sessions/record.js";
import { RedisSessionStore } from "../../../src/sessions/redis-session-store.js";
import type { SessionRecord } from "../../../src/sessions/session-store.js";
import { startSingle, type SingleTopology } from "../../support/servers/single.js";

let topology: SingleTopology;
let backend: RedisBackend;
let store: RedisSessionStore;
let address: ReturnType<typeof addressOf>;
let key: string;

beforeAll(async () => {
  topology = await startSingle();
  backend = createRedisBackend({
    config: {
      kind: "single",
      nodes: topology.config.nodes,
      database: 0,
      timeouts: { connect: 5000, command: 8000, start: 10_000 },
      maxPending: 100,
    },
    namespace: "unit",
    instance: "unit",
    instanceId: "unit",
    clock: systemClock,
    onListenerError: () => undefined,
  });
  await backend.ready();
  store = new RedisSessionStore(backend);
});

afterAll(async () => {
  await backend.close();
  await topology.stop();
});

beforeEach(() => {
  address = addressOf(generateId());
  key = sessionKey(backend.keys, address.selector);
});

const redis = async (...words: (string | number)[]) => topology.server.command(...words);
const text = async () => String(await redis("GET", key));
const write = (sequence: number, processId = "me") => ({ processId, sequence });
const put = (sequence: number, processId = "me") =>
  store.put({
    ...address,
    idle: 60_000,
    absolute: 0,
    cookie: "{}",
    payload: '{"a":1}',
    write: write(sequence, processId),
  });

/** How many commands the server carried out, of clients. */
async function commands(): Promise<number> {
  const stats = String(await redis("INFO", "commandstats"));
  return [...stats.matchAll(/^cmdstat_(get|pttl|eval|evalsha|set|pexpire):calls=(\d+)/gm)].reduce(
    (sum, [, , calls]) => sum + Number(calls),
    0,
  );
}

describe("the stored text", () => {
  test("as the script writes it is what TypeScript reads", async () => {
    const result = await put(1);
    const stored = parseStored(await text());
    if (stored?.kind !== "session" || result.status !== "done") throw new Error("not a session");
    const { record, writers } = stored;
    expect(record).toMatchObject({
      version: result.version,
      created: result.created,
      token: address.token,
      cookie: "{}",
      payload: '{"a":1}',
    });
    expect(writers).toEqual([{ processId: "me", sequence: 1, version: result.version, at: result.created }]);
    expect(formatSession(record, writers)).toBe(await text());
  });

  test("as TypeScript writes it is what every script reads and writes back", async () => {
    const now = Date.now();
    const record: SessionRecord = {
      version: 41,
      created: 1_700_000_000_123,
      idle: 60_000,
      absoluteAt: now + 3_600_000,
      token: address.token,
      previousToken: "old-token",
      previousUntil: 1_700_000_000_456,
      cookie: '{"ü":"|"}',
      payload: '{"a":"1|2\\n3","b":"\\u0000ü"}',
    };
    const others: Writer[] = [
      { processId: "fresh", sequence: 4_000_000_001, version: 40, at: now - 1000 },
      { processId: "me", sequence: 9, version: 41, at: now - 900_000 },
      { processId: "old", sequence: 1, version: 3, at: now - 20_000 },
    ];
    await redis("SET", key, formatSession(record, others), "PX", 10_000);
    expect((await store.touch(address)).status).toBe("done");
    expect(await text()).toBe(formatSession(record, others));
    const update = {
      ...address,
      created: record.created,
      baseVersion: 41,
      idle: 50_000,
      cookie: undefined,
      payload: undefined,
    };
    const result = await store.update({ ...update, write: write(10) });
    if (result.status !== "done") throw new Error(result.status);
    const { version } = result;
    expect(version).toBeGreaterThan(41);
    const updated = parseStored(await text());
    if (updated?.kind !== "session") throw new Error("not a session");
    expect(updated.record).toEqual({ ...record, version, idle: 50_000 });
    expect(updated.writers).toEqual([{ processId: "me", sequence: 10, version, at: expect.any(Number) }, others[0]]);
    expect(await store.update({ ...update, baseVersion: 7, write: write(11) })).toEqual({
      status: "conflict",
      record: updated.record,
    });
    expect(
      await store.put({
        ...address,
        idle: 50_000,
        absolute: 0,
        cookie: "{}",
        payload: "{}",
        write: write(4_000_000_001, "fresh"),
      }),
    ).toEqual({
      status: "done",
      version: 40,
      created: record.created,
    });
    expect((await store.destroy({ ...address, write: write(12) })).status).toBe("done");
    const tombstone = parseStored(await text());
    expect(tombstone).toEqual({
      kind: "tombstone",
      writers: [{ processId: "me", sequence: 12, version: expect.any(Number), at: expect.any(Number) }, others[0]],
    });
    // 0 would tell a resend that there was nothing to end.
    expect(tombstone?.writers[0]?.version).toBeGreaterThan(0);
  });

  test("of a tombstone as TypeScript writes it keeps an older create out", async () => {
    await redis(
      "SET",
      key,
      formatTombstone([{ processId: "me", sequence: 5, version: 2, at: Date.now() }]),
      "PX",
      10_000,
    );
    expect(await put(5)).toEqual({ status: "gone" });
    expect(await put(4)).toEqual({ status: "gone" });
    const again = await put(6);
    if (again.status !== "done") throw new Error(again.status);
    expect(again.version).toBeGreaterThan(2);
    expect(await store.load(address)).toMatchObject({ status: "found", record: { version: again.version } });
  });

  test("holds nothing of the identifier, and its key only the selector", async () => {
    const id = generateId();
    const { selector, token } = addressOf(id);
    const at = sessionKey(backend.keys, selector);
    await store.put({ selector, token, idle: 60_000, absolute: 0, cookie: "{}", payload: "{}", write: write(1) });
    const stored = `${at} ${String(await redis("GET", at))}`;
    expect(stored).not.toContain(id.slice(22));
    expect(at).toMatch(/^unit:sessions:\{\d{1,4}\}:s:[A-Za-z0-9_-]{22}$/);
  });
});

describe("a version", () => {
  const planted = (version: number): SessionRecord => ({
    version,
    created: 1_700_000_000_123,
    idle: 60_000,
    absoluteAt: 0,
    token: address.token,
    previousToken: "",
    previousUntil: 0,
    cookie: "{}",
    payload: "{}",
  });
  const update = (baseVersion: number, sequence: number) =>
    store.update({
      ...address,
      created: 1_700_000_000_123,
      baseVersion,
      idle: 60_000,
      cookie: undefined,
      payload: '{"a":2}',
      write: write(sequence),
    });
  const microseconds = async () => {
    const [seconds, rest] = (await redis("TIME")) as string[];
    return Number(seconds) * 1_000_000 + Number(rest);
  };

  test("is the server's time in microseconds, to the last digit in the text and in the answer", async () => {
    const before = await microseconds();
    const created = await put(1);
    if (created.status !== "done") throw new Error(created.status);
    const updated = await store.update({
      ...address,
      created: created.created,
      baseVersion: created.version,
      idle: 60_000,
      cookie: undefined,
      payload: undefined,
      write: write(2),
    });
    if (updated.status !== "done") throw new Error(updated.status);
    const after = await microseconds();
    const versions = [before, created.version, updated.version, after];
    expect(versions).toEqual(versions.toSorted((one, other) => one - other));
    expect(new Set(versions).size).toBe(4);
    expect(await text()).toMatch(new RegExp(`^1\\|${updated.version}\\|.*\\|me:2:${updated.version}:\\d+\n`));
  });

  test("is one more than the last where a server with a faster clock gave that", async () => {
    const ahead = 8_000_000_000_000_001;
    await redis("SET", key, formatSession(planted(ahead), []), "PX", 10_000);
    expect(await update(ahead, 1)).toEqual({ status: "done", version: ahead + 1 });
    expect(await put(2)).toMatchObject({ status: "done", version: ahead + 2 });
    expect(await text()).toContain(`1|${ahead + 2}|`);
  });
});

describe("time to live", () => {
  test("of a session is its idle time, or what its absolute end leaves", async () => {
    await put(1);
    expect(Number(await redis("PTTL", key))).toBeGreaterThan(59_000);
    const other = addressOf(generateId());
    await store.put({ ...other, idle: 60_000, absolute: 5000, cookie: "{}", payload: "{}", write: write(2) });
    expect(Number(await redis("PTTL", sessionKey(backend.keys, other.selector)))).toBeLessThanOrEqual(5000);
  });

  test("of a tombstone is ten seconds", async () => {
    await put(1);
    await store.destroy({ ...address, write: write(2) });
    expect(Number(await redis("PTTL", key))).toBeGreaterThan(9000);
    expect(Number(await redis("PTTL", key))).toBeLessThanOrEqual(10_000);
    await redis("DEL", key);
    await store.destroy({ ...address, write: write(3) });
    expect(Number(await redis("PTTL", key))).toBeGreaterThan(9000);
  });

  test("is not written by a touch that changes nothing, nor shortened by any", async () => {
    await store.put({ ...address, idle: 60_000, absolute: 5000, cookie: "{}", payload: "{}", write: write(1) });
    await redis("CONFIG", "RESETSTAT");
    expect((await store.touch(address)).status).toBe("done");
    expect(String(await redis("INFO", "commandstats"))).not.toContain("cmdstat_pexpire");
    await redis("PEXPIRE", key, 200_000);
    expect((await store.touch(address)).status).toBe("done");
    expect(Number(await redis("PTTL", key))).toBeGreaterThan(190_000);
  });

  test("that somebody removed is set again by a touch", async () => {
    await put(1);
    await redis("PERSIST", key);
    expect(await store.load(address)).toMatchObject({ status: "found", remaining: 0 });
    await store.touch(address);
    expect(Number(await redis("PTTL", key))).toBeGreaterThan(59_000);
  });

  test("is decided by the server: an absolute end that its clock has passed ends the session", async () => {
    const record = {
      version: 1,
      created: 1,
      idle: 60_000,
      absoluteAt: 2,
      token: address.token,
      previousToken: "",
      previousUntil: 0,
      cookie: "{}",
      payload: "{}",
    };
    await redis("SET", key, formatSession(record, []), "PX", 10_000);
    expect(
      (
        await store.update({
          ...address,
          created: 1,
          baseVersion: 1,
          idle: 60_000,
          cookie: undefined,
          payload: "{}",
          write: write(1),
        })
      ).status,
    ).toBe("gone");
    const again = await put(2);
    if (again.status !== "done") throw new Error(again.status);
    // A new session, whose creation is not that of the one which ended.
    expect(again.created).toBeGreaterThan(1);
    expect(again.version).toBeGreaterThan(1);
  });
});

test("a load is one trip of two reads, and writes nothing", async () => {
  await put(1);
  await redis("CONFIG", "RESETSTAT");
  const before = backend.stats().calls;
  await store.load(address);
  expect(backend.stats().calls - before).toBe(1);
  expect(await commands()).toBe(2);
  const stats = String(await redis("INFO", "commandstats"));
  expect(stats).toContain("cmdstat_get:calls=1");
  expect(stats).toContain("cmdstat_pttl:calls=1");
});

test("another type under the key is corrupt, not an error", async () => {
  await redis("RPUSH", key, "foreign");
  expect(await store.load(address)).toEqual({ status: "corrupt" });
});
