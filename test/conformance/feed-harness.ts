import { createHash, randomBytes } from "node:crypto";
import type { MemoryBackend, RedisBackend } from "../../src/backend/backend.js";
import type { Script } from "../../src/backend/script.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import type { LogAddress } from "../../src/feed/log-store.js";
import { createMemoryLogStore, type StoredEntry } from "../../src/feed/memory-log-store.js";
import { createMemoryRosterStore } from "../../src/feed/memory-roster-store.js";
import type { RosterRow } from "../../src/feed/roster-store.js";
import { createRedisLogStore } from "../../src/feed/redis-log-store.js";
import { createRedisRosterStore } from "../../src/feed/redis-roster-store.js";
import { FakeClock } from "../../src/testing/fake-clock.js";
import type { FillableLogStoreHarness } from "../../src/testing/log-store-suite.js";
import type { FillableRosterStoreHarness } from "../../src/testing/roster-store-suite.js";
import type { Topology } from "../support/servers/topology.js";
import { until } from "../support/until.js";

/** How a storage is filled and drained. */
export interface Filling {
  readonly fill: () => Promise<void>;
  readonly drain: () => Promise<void>;
}

const steps = {
  keep: `
local dump = redis.call("DUMP", KEYS[1])
return { "OK", dump and (string.gsub(dump, ".", function(byte) return string.format("%02x", string.byte(byte)) end)) }`,
  restore: `
redis.call("DEL", KEYS[1])
local dump = string.gsub(ARGV[1], "..", function(byte) return string.char(tonumber(byte, 16)) end)
if dump ~= "" then redis.call("RESTORE", KEYS[1], "0", dump) end
return { "OK", false }`,
  plant: `return { "OK", redis.call("XADD", KEYS[1], ARGV[1], "p", ARGV[2]) }`,
  flood: `
for number = 1, tonumber(ARGV[1]) do redis.call("XADD", KEYS[1], "MAXLEN", "~", "10000", "*", "p", number) end
return { "OK", false }`,
  trim: `redis.call("XTRIM", KEYS[1], "MAXLEN", ARGV[1]) return { "OK", false }`,
};

type Step = Script<"log", "one" | "two", readonly ["OK", string | null]>;

function step(name: keyof typeof steps): Step {
  const source = steps[name];
  const sha1 = createHash("sha1").update(source).digest("hex");
  return { name: `test/${name}`, source, sha1, keys: ["log"], args: ["one", "two"], readOnly: false };
}

/** A log in a namespace's room, and what is heard on its channel. */
async function listen(backend: RedisBackend | MemoryBackend): Promise<{
  readonly log: LogAddress;
  readonly heard: (count: number) => Promise<readonly string[]>;
  readonly end: () => void;
}> {
  const id = randomBytes(6).toString("hex");
  const log = { key: backend.keys.key("feed", id, "log"), channel: backend.keys.hintChannel(`test-${id}`), name: id };
  const texts: string[] = [];
  let isListening = false;
  const end = backend.subscribe(log.channel, {
    message: (text) => texts.push(text),
    gap() {
      isListening = true;
    },
  });
  await until(() => isListening, { what: "the channel" });
  const heard = async (count: number): Promise<readonly string[]> => {
    await until(() => texts.length >= count, { what: `${count} hints` });
    return [...texts];
  };
  return { log, heard, end };
}

/** What the suite of the port of logs needs, on real servers; `hands` acts as others do, by default over the same backend. */
export async function redisLogHarness(
  backend: RedisBackend,
  filling: Filling,
  hands: RedisBackend = backend,
): Promise<FillableLogStoreHarness> {
  const { log, heard, end } = await listen(backend);
  const act = async (name: keyof typeof steps, one: string | number = "", two = ""): Promise<string> => {
    const [, answer] = await hands.run(step(name), { keys: { log: log.key }, args: { one, two } });
    return answer ?? "";
  };
  return {
    ...filling,
    store: createRedisLogStore(backend),
    log,
    heard,
    async keep() {
      const dump = await act("keep");
      return async () => void (await act("restore", dump));
    },
    plant: (payload, position = "*") => act("plant", position, payload),
    flood: async (count) => void (await act("flood", count)),
    trim: async (kept) => void (await act("trim", kept)),
    close: async () => end(),
  };
}

/** The same in memory. */
export async function memoryLogHarness(): Promise<FillableLogStoreHarness> {
  const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock: new FakeClock() });
  const { log, heard } = await listen(backend);
  const store = createMemoryLogStore(backend);
  const { logs } = backend.room("feed", () => ({ logs: new Map<string, StoredEntry[]>() }));
  const entries = (): StoredEntry[] => {
    const found = logs.get(log.key) ?? [];
    logs.set(log.key, found);
    return found;
  };
  const plant = (payload: string, position?: string): string => {
    const [time = 0, sequence = 0] = (entries().at(-1)?.position ?? "0-0").split("-").map(Number);
    const next = backend.time() > time ? `${backend.time()}-0` : `${time}-${sequence + 1}`;
    entries().push({ position: position ?? next, origin: "", operation: "", payload, bytes: 0 });
    return position ?? next;
  };
  return {
    ...memoryFilling(backend),
    store,
    log,
    heard,
    async keep() {
      const kept = [...entries()];
      return async () => void entries().splice(0, entries().length, ...kept);
    },
    plant: async (payload, position) => plant(payload, position),
    async flood(count) {
      for (let number = 1; number <= count; number += 1) plant(`${number}`);
      entries().splice(0, Math.max(0, entries().length - 10_000));
    },
    trim: async (kept) => void entries().splice(0, entries().length - kept),
    close: () => backend.close(),
  };
}

/** What the suite of the port of rosters needs, on real servers: the namespace's one roster, removed before. */
export async function redisRosterHarness(
  backend: RedisBackend,
  filling: Filling,
  hands: RedisBackend = backend,
): Promise<FillableRosterStoreHarness> {
  const store = createRedisRosterStore(backend);
  const log = backend.keys.key("feed", "roster", "beats");
  await hands.run(step("restore"), { keys: { log }, args: { one: "", two: "" } });
  return {
    ...filling,
    store,
    async elapse(milliseconds) {
      const end = (await store.read()).now + milliseconds;
      await until(async () => (await store.read()).now > end, {
        what: `${milliseconds} ms to pass on the server`,
        every: 5,
      });
    },
    async keep() {
      const [, dump] = await hands.run(step("keep"), { keys: { log }, args: { one: "", two: "" } });
      return async () => void (await hands.run(step("restore"), { keys: { log }, args: { one: dump ?? "", two: "" } }));
    },
    close: async () => undefined,
  };
}

/** The same in memory. */
export function memoryRosterHarness(): FillableRosterStoreHarness {
  const clock = new FakeClock();
  const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock });
  return {
    ...memoryFilling(backend),
    store: createMemoryRosterStore(backend),
    elapse: async (milliseconds) => clock.advance(milliseconds),
    async keep() {
      const roster = backend.room("feed:roster", () => ({ version: 0, rows: new Map<string, RosterRow>() }));
      const { version, rows } = structuredClone(roster);
      return async () => {
        roster.version = version;
        roster.rows.clear();
        for (const [id, row] of rows) roster.rows.set(id, row);
      };
    },
    close: () => backend.close(),
  };
}

/** Fills every data server of a topology, of which nobody else makes use. */
export function serverFilling(topology: Topology): Filling {
  const onEachServer = async (...words: (string | number)[]): Promise<void> => {
    await Promise.all(topology.dataServers.map((server) => topology.command(server, ...words)));
  };
  return {
    fill: () => onEachServer("CONFIG", "SET", "maxmemory", 1),
    drain: () => onEachServer("CONFIG", "SET", "maxmemory", 0),
  };
}

/** Of servers that others use too. */
export const noFilling: Filling = {
  fill: () => Promise.reject(new Error("these servers are shared")),
  drain: async () => undefined,
};

/** Fills the embedded backend. */
export function memoryFilling(backend: MemoryBackend): Filling {
  let filled = 0;
  return {
    async fill() {
      for (let bytes = 2 ** 30; bytes >= 1; bytes = Math.floor(bytes / 2)) {
        while (backend.budget.claim(bytes)) filled += bytes;
      }
    },
    async drain() {
      backend.budget.release(filled);
      filled = 0;
    },
  };
}
