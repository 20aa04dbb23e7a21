import { randomBytes, randomInt } from "node:crypto";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";

/**
 * A fresh identifier of the form that the sessions room gives. Its first ten bits are the bucket, which is the tag of the
 * session's key (docs/keyspace.md).
 */
function freshId(bucket: number): string {
  const selector = randomBytes(16);
  selector.writeUInt16BE((bucket << 6) | (selector.readUInt16BE(0) & 63));
  return selector.toString("base64url") + randomBytes(18).toString("base64url");
}

/** The slot in which the sessions of a bucket (0 to 1023) are kept. */
export function slotOfBucket(topology: ClusterTopology, bucket: number): Promise<number> {
  return topology.slotOf(`{${bucket}}`);
}

/** Fresh identifiers of sessions in one bucket, and so in one slot. */
export function sessionsOfBucket(bucket: number, count: number): readonly string[] {
  return Array.from({ length: count }, () => freshId(bucket));
}

/** As many sessions for each primary, in the order of their slots; a bucket may be left out. */
export async function sessionsByPrimary(
  topology: ClusterTopology,
  count: number,
  without?: number,
): Promise<readonly (readonly string[])[]> {
  const primaries = await topology.primaries();
  const lanes = primaries.map((): string[] => []);
  while (lanes.some((lane) => lane.length < count)) {
    const bucket = randomInt(1024);
    const slot = await slotOfBucket(topology, bucket);
    const owner = primaries.findIndex(({ slots }) => slots.some(([from, to]) => from <= slot && slot <= to));
    const lane = lanes[owner];
    if (bucket !== without && lane !== undefined && lane.length < count) lane.push(freshId(bucket));
  }
  return lanes;
}
