import { randomBytes } from "node:crypto";
import type { AnyBackend, RedisBackend } from "../../src/backend/backend.js";
import type { Script } from "../../src/backend/script.js";
import { createMemoryBackend } from "../../src/backend/memory/memory-backend.js";
import type { LogStore } from "../../src/feed/log-store.js";
import { createMemoryLogStore } from "../../src/feed/memory-log-store.js";
import { createRedisLogStore } from "../../src/feed/redis-log-store.js";
import { MemoryReservationStore } from "../../src/reservations/memory-reservation-store.js";
import { RedisReservationStore } from "../../src/reservations/redis-reservation-store.js";
import { registryLog } from "../../src/reservations/registry-names.js";
import { FakeClock } from "../../src/testing/fake-clock.js";
import type { FillableReservationStoreHarness } from "../../src/testing/reservation-store-suite.js";
import { until } from "../support/until.js";
import { script } from "../unit/backend/open-backend.js";
import { memoryFilling, type Filling } from "./feed-harness.js";

/** What the suite of the port of reservations needs, on real servers; `hands` reads the log and the clock, by default over the same backend. */
export async function redisReservationHarness(
  backend: RedisBackend,
  filling: Filling,
  hands: RedisBackend = backend,
): Promise<FillableReservationStoreHarness> {
  const registry = randomBytes(6).toString("hex");
  const logs = createRedisLogStore(hands);
  const time = async (): Promise<number> => {
    const log = { key: hands.keys.key("reservations", "clock", "log"), channel: "none", name: "none" };
    return (await logs.sync({ log, last: undefined, count: 1 })).now;
  };
  return {
    ...filling,
    store: new RedisReservationStore(backend),
    registry,
    elapse: async (milliseconds) => {
      const end = (await time()) + milliseconds;
      await until(async () => (await time()) > end, { what: `${milliseconds} ms to pass on the server`, every: 5 });
    },
    told: toldIn(backend, registry, logs),
    close: async () => undefined,
  };
}

const plantText: Script<"records", "field" | "text", readonly ["OK"]> = script(
  "test/plant-reservation",
  ["records"],
  ["field", "text"],
  false,
  'redis.call("HSET", KEYS[1], ARGV[1], ARGV[2]) return { "OK" }',
);

const plantDue: Script<"due", "count", readonly ["OK"]> = script(
  "test/plant-answers",
  ["due"],
  ["count"],
  false,
  'for n = 1, tonumber(ARGV[1]) do redis.call("ZADD", KEYS[1], n, "a\\0" .. n) end return { "OK" }',
);

const loseAll: Script<"r" | "x" | "ix" | "log", never, readonly ["OK"]> = script(
  "test/lose-registry",
  ["r", "x", "ix", "log"],
  [],
  false,
  'redis.call("DEL", KEYS[1], KEYS[2], KEYS[3], KEYS[4]) return { "OK" }',
);

/** Removes all keys of a registry, as a server does that starts empty. */
export async function loseRegistry(backend: RedisBackend, registry: string): Promise<void> {
  const key = (what: string): string => backend.keys.key("reservations", registry, what);
  await backend.run(loseAll, { keys: { r: key("r"), x: key("x"), ix: key("ix"), log: key("log") }, args: {} });
}

/** Stores a text as the reservation of an item, as another program or a damaged disk would. */
export async function plantReservation(
  backend: RedisBackend,
  registry: string,
  item: string,
  text: string,
): Promise<void> {
  const records = backend.keys.key("reservations", registry, "r");
  await backend.run(plantText, { keys: { records }, args: { field: item, text } });
}

/** Leaves so many answers to be forgotten. */
export async function plantAnswers(backend: RedisBackend, registry: string, count: number): Promise<void> {
  await backend.run(plantDue, { keys: { due: backend.keys.key("reservations", registry, "x") }, args: { count } });
}

/** The same in memory. */
export async function memoryReservationHarness(): Promise<FillableReservationStoreHarness> {
  const clock = new FakeClock();
  const backend = createMemoryBackend({ namespace: "test", instanceId: "one", clock });
  const registry = randomBytes(6).toString("hex");
  return {
    ...memoryFilling(backend),
    store: new MemoryReservationStore(backend),
    registry,
    elapse: async (milliseconds) => clock.advance(milliseconds),
    told: toldIn(backend, registry, createMemoryLogStore(backend)),
    close: () => backend.close(),
  };
}

function toldIn(backend: AnyBackend, registry: string, logs: LogStore): FillableReservationStoreHarness["told"] {
  return async () => {
    const log = registryLog(backend.keys, registry);
    const entries = await logs.read({ log, from: "0-0", count: 1000 });
    return entries.filter(({ origin }) => origin !== "#").map(({ operation, payload }) => ({ operation, payload }));
  };
}
