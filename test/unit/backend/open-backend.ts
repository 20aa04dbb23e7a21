import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { RedisBackend } from "../../../src/backend/backend.js";
import { createRedisBackend } from "../../../src/backend/redis/redis-backend.js";
import type { Script, ScriptReply } from "../../../src/backend/script.js";
import type { RedisBackendConfig } from "../../../src/config/backend-config.js";
import { systemClock, type Clock } from "../../../src/core/clock.js";
import type { FakeClock } from "../../../src/testing/fake-clock.js";

/** What a test says of its backend; the rest has the product's defaults. */
export interface BackendForTest extends Partial<Omit<RedisBackendConfig, "timeouts" | "nodes">> {
  readonly nodes: RedisBackendConfig["nodes"];
  readonly timeouts?: Partial<RedisBackendConfig["timeouts"]>;
  readonly clock?: Clock;
  readonly namespace?: string;
  readonly instance?: string;
  readonly instanceId?: string;
  readonly onListenerError?: (error: unknown) => void;
}

let opened = 0;

/** Opens a Redis backend without a test around it; whoever opens it closes it. */
export function openBackendUntilClosed(options: BackendForTest): RedisBackend {
  const { clock = systemClock, namespace = "test", instance = "one", timeouts, ...rest } = options;
  const { instanceId = `id-${(opened += 1)}`, onListenerError = fail, ...config } = rest;
  return createRedisBackend({
    config: {
      kind: "single",
      database: 0,
      maxPending: 10_000,
      ...config,
      timeouts: { connect: 5_000, command: 8_000, start: 10_000, ...timeouts },
    },
    namespace,
    instance,
    instanceId,
    clock,
    onListenerError,
  });
}

function fail(error: unknown): never {
  throw error;
}

/** Opens a Redis backend that is closed when the test ends. */
export function openBackend(options: BackendForTest): RedisBackend {
  const backend = openBackendUntilClosed(options);
  onTestFinished(() => backend.close());
  return backend;
}

/** A script as the generator would write it. */
export function script<K extends string, A extends string, R extends ScriptReply>(
  name: string,
  keys: readonly K[],
  args: readonly A[],
  readOnly: boolean,
  source: string,
): Script<K, A, R> {
  return { name, keys, args, readOnly, source, sha1: createHash("sha1").update(source).digest("hex") };
}

/**
 * Adds an operation to those that a key remembers, unless it is there, and counts how often it ran:
 * the key holds `<executions>|<operation>;<operation>;...`. Answers the number of remembered operations.
 */
export const remember: Script<"key", "operation", readonly ["OK", number]> = script(
  "test/remember",
  ["key"],
  ["operation"],
  false,
  `
local before = redis.call("GET", KEYS[1]) or "0|"
local executions, operations = string.match(before, "^(%d+)|(.*)$")
if not string.find(";" .. operations, ";" .. ARGV[1] .. ";", 1, true) then
  operations = operations .. ARGV[1] .. ";"
end
redis.call("SET", KEYS[1], string.format("%d", executions + 1) .. "|" .. operations)
local _, count = string.gsub(operations, ";", "")
return {"OK", count}
`,
);

/** Reads a key, writes nothing. */
export const look: Script<"key", never, readonly ["OK", string | null]> = script(
  "test/look",
  ["key"],
  [],
  true,
  `return {"OK", redis.call("GET", KEYS[1])}`,
);

/** What `remember` left at a key. */
export async function remembered(
  backend: RedisBackend,
  key: string,
): Promise<{ readonly executions: number; readonly operations: readonly string[] }> {
  const [value] = await backend.read(key, [["get"]]);
  if (typeof value !== "string") return { executions: 0, operations: [] };
  const [executions = "", operations = ""] = value.split("|");
  return { executions: Number(executions), operations: operations.split(";").filter((operation) => operation !== "") };
}

/** Lets time pass on a clock that stands still, with turns enough in between for servers to answer. */
export async function elapse(clock: FakeClock, duration: number, step = 250): Promise<void> {
  for (let passed = 0; passed < duration; passed += step) {
    await clock.advanceAsync(Math.min(step, duration - passed));
    await settle();
  }
}

/** Lets what is under way between this process and servers in it arrive. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
}

/** The error with which a promise rejects; a promise that resolves fails the test. */
export async function rejection<E = Error & { code: string; executed: string; help?: string; cause?: unknown }>(
  promise: Promise<unknown>,
): Promise<E> {
  const value = await promise.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  if ("error" in value) return value.error as E;
  throw new Error(`resolved with ${JSON.stringify(value.result)} instead of rejecting`);
}
