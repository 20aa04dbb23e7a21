import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { RedisBackend } from "../../src/backend/backend.js";
import { sessionStoreSuite } from "../../src/testing/session-store-suite.js";
import { openBackend, sessionHarness } from "../conformance/redis-session-harness.js";
import type { AffectedCommand, CommandFilter } from "../support/proxy-faults.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { TcpProxy } from "../support/tcp-proxy.js";

type Fault = "dropReplies" | "deliverTwice";

/** Lets a fault fall on each write once: what is sent again because of it passes. */
function eachWriteOnce(): CommandFilter {
  const seen = new Set<string>();
  return ({ name, words }) => {
    if (name !== "EVAL" && name !== "EVALSHA") return false;
    // Sent again, a script may come by its source where it came by its hash.
    const call = words.slice(2).join("\0");
    return !seen.has(call) && seen.add(call) !== undefined;
  };
}

const faults: readonly { readonly fault: Fault; readonly about: string; readonly atLeast: number }[] = [
  { fault: "dropReplies", about: "the reply of every write is lost with the connection", atLeast: 100 },
  { fault: "deliverTwice", about: "every write reaches the server twice", atLeast: 100 },
];

for (const { fault, about, atLeast } of faults) {
  describe(`sessions over a proxy, ${about}`, () => {
    let redis: SingleTopology;
    let proxy: TcpProxy;
    let backend: RedisBackend;
    let affected: readonly AffectedCommand[] = [];

    beforeAll(async () => {
      redis = await startSingle();
      proxy = await TcpProxy.start({ target: await redis.primary() });
      backend = await openBackend(redis.config, [{ host: "127.0.0.1", port: proxy.port }]);
      affected = proxy[fault](1_000_000, eachWriteOnce());
    });

    afterAll(async () => {
      await backend?.close();
      await proxy?.stop();
      await redis?.stop();
    });

    sessionStoreSuite({ test, createStore: async () => sessionHarness(redis, backend) });

    test("the fault fell upon the writes", () => {
      assert.ok(affected.length >= atLeast, `${affected.length} writes`);
      if (fault === "dropReplies")
        assert.ok(backend.stats().reconnects >= atLeast, `${backend.stats().reconnects} reconnects`);
    });
  });
}
