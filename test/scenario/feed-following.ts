import { expect, onTestFinished } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { systemClock } from "../../src/core/clock.js";
import { FollowedLogs } from "../../src/feed/followed-logs.js";
import { createRedisLogStore } from "../../src/feed/redis-log-store.js";
import { openBackend, type BackendForTest } from "../unit/backend/open-backend.js";

/** An instance that follows one log, `b0` of the room cache, and what its consumer was told: payloads, `cut` and `fork`. */
export interface Following {
  readonly backend: RedisBackend;
  readonly followed: FollowedLogs;
  readonly notes: string[];
  /** The positions of the entries, in the order in which they were applied; a flush is `-`. */
  readonly positions: string[];
  readonly counted: string[];
  readonly key: string;
}

/** Starts one, and ends it with the test; `busy` says whether it reads on twice a second. */
export async function follow(options: BackendForTest, busy: () => boolean = () => true): Promise<Following> {
  const backend = openBackend(options);
  const [notes, positions, counted]: [string[], string[], string[]] = [[], [], []];
  const key = backend.keys.key("cache", "b0", "log");
  const consumer = {
    apply({ payload, position }: { readonly payload: string; readonly position: string }): void {
      notes.push(payload);
      positions.push(position);
    },
    flush(reason: string): void {
      notes.push(reason);
      positions.push("-");
    },
  };
  const followed = new FollowedLogs({
    backend,
    store: createRedisLogStore(backend),
    clock: systemClock,
    channel: backend.keys.hintChannel("cache"),
    logs: [{ name: "b0", key, consumer }],
    busy,
    count: (what) => counted.push(what),
  });
  onTestFinished(() => followed.close());
  await followed.started();
  return { backend, followed, notes, positions, counted, key };
}

/** The payloads of a log, as they are in a reply of XRANGE, without marks. */
export function payloadsOf(reply: unknown): readonly string[] {
  return (reply as [string, string[]][])
    .map(([, fields]) => new Map(fields.flatMap((field, at) => (at % 2 === 0 ? [[field, fields[at + 1]]] : []))))
    .filter((fields) => fields.get("o") !== "#")
    .map((fields) => fields.get("p") ?? "");
}

/**
 * Fails unless what was applied since the last flush is the end of the log: in its order, each once, nothing left out.
 * Where in the log that begins is each follower's own: it starts anew from wherever the end was when it found the fork.
 */
export function followsToTheEnd({ notes }: Following, log: readonly string[]): void {
  const flush = notes.findLastIndex((note) => note === "fork" || note === "cut");
  const applied = notes.slice(flush + 1);
  expect(applied).toEqual(applied.length === 0 ? [] : log.slice(-applied.length));
}
