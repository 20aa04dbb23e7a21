import { clusterDrill } from "./cluster-under-load.js";
import { whileLoadRuns, type Drill } from "./drill.js";
import { sessionsByPrimary, sessionsOfBucket, slotOfBucket } from "./session-slots.js";

const bucket = 0;
const sessions = 8;
// Longer than a call may wait.
const open = 10_000;

/**
 * A reshard that stopped in the middle of a slot: half of its keys are at the new owner, the slot stays open.
 *
 * Then the move is completed, as it was begun: `redis-cli --cluster fix` (7.0) takes it back instead, and while it does the
 * keys that had moved are nowhere to be found, by any client.
 */
export const clusterSlotHalfMoved: Drill = clusterDrill({
  name: "cluster-slot-half-moved",
  about: "a slot left MIGRATING and IMPORTING with half of its keys moved, under load from three processes",
  proves: "ASK is followed, with ASKING before each command",
  lanes: async (topology) => [
    sessionsOfBucket(bucket, sessions),
    ...(await sessionsByPrimary(topology, sessions, bucket)),
  ],
  async cause(topology) {
    const slot = await slotOfBucket(topology, bucket);
    const owner = await topology.primaryOf(slot);
    const target = (await topology.primaries()).find(({ id }) => id !== owner.id);
    if (target === undefined) throw new Error("the cluster has one primary");
    await topology.setSlotMigrating(slot, target);
    await topology.moveKeys(slot, target, sessions / 2);
    await whileLoadRuns(open);
    await topology.moveSlot(slot, target);
  },
});
