import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";
import { figuresOf } from "../drills/feed-drills.js";
import { everythingFlushed, inTurn, logTrimmed, messagesDropped, subscribersKilled } from "../drills/feed-faults.js";
import { isAway, mechanismsOff } from "../drills/feed-mechanisms-off.js";
import { startSingle } from "../support/servers/single.js";

const worker = fileURLToPath(new URL("../../build/test/drills/feed-worker.js", import.meta.url));

/** One round with several faults; `npm run drills -- --only feed-...` is the long form of each, on all topologies. */
describe("six processes that append to a log and follow it", () => {
  test("apply every entry once and in order or say that they could not, but for those that lack a mechanism", async () => {
    const topology = await startSingle();
    try {
      const faults = inTurn(
        subscribersKilled(1),
        messagesDropped(0.05, 1_500),
        logTrimmed(2_500, isAway),
        everythingFlushed,
      );
      const { failures, verdicts } = await mechanismsOff(topology, [faults], {
        worker,
        pace: { before: 1_000, after: 2_300 },
      });
      const figures = figuresOf(verdicts);
      assert.deepEqual(failures, [], JSON.stringify(figures));
      for (const what of ["entries", "subscriber gaps", "gaps", "forks", "untrusted looks"])
        assert.ok((figures[what] ?? 0) > 0, `${what}: ${JSON.stringify(figures)}`);
    } finally {
      await topology.stop();
    }
  });
});
