import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { logStoreSuite } from "../../src/testing/log-store-suite.js";
import { rosterStoreSuite } from "../../src/testing/roster-store-suite.js";
import { noFilling, redisLogHarness, redisRosterHarness } from "../conformance/feed-harness.js";
import { openBackend } from "../conformance/redis-session-harness.js";
import type { AffectedCommand, CommandFilter } from "../support/proxy-faults.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { TcpProxy } from "../support/tcp-proxy.js";

type Fault = "dropReplies" | "deliverTwice";

/** Lets a fault fall on each call once: what is sent again because of it passes. */
function eachCallOnce(): CommandFilter {
  const seen = new Set<string>();
  return ({ name, words }) => {
    if (name !== "EVAL" && name !== "EVALSHA") return false;
    // Sent again, a script may come by its source where it came by its hash.
    const call = words.slice(2).join("\0");
    return !seen.has(call) && seen.add(call) !== undefined;
  };
}

const faults: readonly { readonly fault: Fault; readonly about: string }[] = [
  { fault: "dropReplies", about: "the reply of every call is lost with the connection" },
  { fault: "deliverTwice", about: "every call reaches the server twice" },
];

for (const { fault, about } of faults) {
  describe(`logs and rosters over a proxy, ${about}`, () => {
    let redis: SingleTopology;
    let proxy: TcpProxy;
    let backend: RedisBackend;
    let hands: RedisBackend;
    let affected: readonly AffectedCommand[] = [];

    beforeAll(async () => {
      redis = await startSingle();
      proxy = await TcpProxy.start({ target: await redis.primary() });
      backend = await openBackend(redis.config, [{ host: "127.0.0.1", port: proxy.port }]);
      hands = await openBackend(redis.config);
      affected = proxy[fault](1_000_000, eachCallOnce());
    });

    afterAll(async () => {
      await backend?.close();
      await hands?.close();
      await proxy?.stop();
      await redis?.stop();
    });

    logStoreSuite({ test: test.concurrent, createStore: () => redisLogHarness(backend, noFilling, hands) });
    rosterStoreSuite({ test, createStore: () => redisRosterHarness(backend, noFilling, hands) });

    test("the fault fell upon the calls", () => {
      assert.ok(affected.length >= 100, `${affected.length} calls`);
      if (fault === "dropReplies")
        assert.ok(backend.stats().reconnects >= 100, `${backend.stats().reconnects} reconnects`);
    });
  });
}
