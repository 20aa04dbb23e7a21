import { clusterDrill, expectNoFailure, expectRecovery } from "./cluster-under-load.js";
import { whileLoadRuns, type Drill } from "./drill.js";
import { sessionsByPrimary, sessionsOfBucket, slotOfBucket } from "./session-slots.js";

const bucket = 0;
const sessions = 8;
const uncovered = 12_000;
const deadline = 7_900;
const atOnce = 100;
const inSlot = sessionsOfBucket(bucket, sessions);
const allowed = ["ERR_FLEET_UNAVAILABLE", "ERR_FLEET_TIMEOUT"];

/** A slot that nobody serves for longer than a call may wait, in a cluster that goes on without it. */
export const clusterSlotUncovered: Drill = clusterDrill({
  name: "cluster-slot-uncovered",
  about: `a slot served by nobody for ${uncovered / 1_000} s (DELSLOTS, full coverage not required), under load from three processes`,
  proves:
    "CLUSTERDOWN makes a call wait, and what has had no server for 8 s is refused at once (breaker of the search)",
  cluster: { config: ["cluster-require-full-coverage no"] },
  lanes: async (topology) => [inSlot, ...(await sessionsByPrimary(topology, sessions, bucket))],
  async cause(topology) {
    const slot = await slotOfBucket(topology, bucket);
    const owner = await topology.primaryOf(slot);
    await topology.uncover(slot);
    await whileLoadRuns(uncovered);
    await topology.command(owner, "CLUSTER", "ADDSLOTS", slot);
    await topology.settled();
  },
  judge({ failures, silences }, findings) {
    const [silence = 0, ...others] = silences;
    const ofSlot = failures.filter(({ id }) => inSlot.includes(id));
    expectNoFailure(
      failures.filter((failure) => !ofSlot.includes(failure)),
      findings,
    );
    const odd = ofSlot.find(({ code }) => !allowed.includes(code));
    findings.expect(odd === undefined, `a call for the slot ended with ${odd?.code}: ${odd?.message}`);
    findings.expect(
      ofSlot.some(({ waited }) => waited >= deadline),
      "no call waited for the slot until its deadline",
    );
    findings.expect(
      ofSlot.some(({ waited }) => waited < atOnce),
      "calls were still waiting for a slot that had been away for as long as a call may wait",
    );
    return { "others' longest ms": Math.round(Math.max(...others)), ...expectRecovery(silence - uncovered, findings) };
  },
});
