import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, type Redis } from "ioredis";
import { connectUsual } from "./usual-client.js";

const limit = 10_000;
const page = 500;

/**
 * Removes every key that begins with `prefix` from the servers that the environment names.
 * Never rejects; resolves with what is left and why, if it could not be done within 10 s.
 */
export async function removeKeys(prefix: string): Promise<string | undefined> {
  const client = connectUsual();
  try {
    const tooLate = sleep(limit, undefined, { ref: false }).then(() =>
      Promise.reject(new Error(`no answer within ${limit / 1_000} s`)),
    );
    await Promise.race([removeEverywhere(client, prefix), tooLate]);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `the keys ${prefix}* could not be removed (${reason}); they expire within an hour`;
  } finally {
    client.disconnect();
  }
}

async function removeEverywhere(client: Redis | Cluster, prefix: string): Promise<void> {
  await client.ping();
  const primaries = client instanceof Cluster ? client.nodes("master") : [client];
  await Promise.all(primaries.map((primary) => removeFrom(primary, prefix)));
}

async function removeFrom(primary: Redis, prefix: string): Promise<void> {
  let cursor = "0";
  do {
    const [next, keys] = await primary.scan(cursor, "MATCH", `${prefix}*`, "COUNT", page);
    // One by one: on a cluster the keys of one command must share a slot.
    await Promise.all(keys.map((key) => primary.unlink(key)));
    cursor = next;
  } while (cursor !== "0");
}
