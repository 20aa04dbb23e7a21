import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";
import { clientsEnded, processKilled, processStopped, type LocksFault } from "../drills/locks-faults.js";
import type { LocksGroupOptions } from "../drills/locks-group.js";
import { describeViolations, figuresOf, runLocks, type LocksRun } from "../drills/locks-rounds.js";
import { pause } from "../support/until.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";

const worker = fileURLToPath(new URL("../../build/test/drills/locks-worker.js", import.meta.url));
const pace = { before: 200, after: 0 };
const group: LocksGroupOptions = {
  processes: 3,
  names: ["red", "green", "blue"],
  callers: 4,
  wait: 5_000,
  locks: { lease: 700, maxLease: 700 },
  longHold: 1_000,
  worker,
};

async function check(
  faults: readonly LocksFault<SingleTopology>[],
  options: LocksGroupOptions = group,
): Promise<LocksRun> {
  const topology = await startSingle();
  try {
    return await runLocks(topology, faults, { ...options, rounds: 1, pace });
  } finally {
    await topology.stop();
  }
}

/** The short form; `npm run drills -- --only locks-...` is the long one of each fault, on all topologies. */
describe.concurrent("three processes that take the same locks", () => {
  test("never hold one at the same moment, whoever dies, stands still or loses its connections", async () => {
    const run = await check([processKilled("holder"), processStopped("holder"), clientsEnded]);
    assert.deepEqual(describeViolations(run), [], JSON.stringify(figuresOf(run)));
    assert.ok(run.grants > 20, JSON.stringify(figuresOf(run)));
  });

  test("are found at fault when nobody looks whose lock is ended", async () => {
    const { violations } = await check([() => pause(1_500)], { ...group, lack: "owner check" });
    assert.ok(violations.some(({ kind }) => kind === "overlap"));
  });

  test("are found at fault when they trust in a lease that has ended", async () => {
    const { violations } = await check([processStopped("holder")], { ...group, lack: "validity check" });
    assert.ok(violations.some(({ kind }) => kind === "overlap"));
  });
});
