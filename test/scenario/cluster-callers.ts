import { slotOf } from "../../src/backend/redis/slot.js";
import type { ClusterNode } from "../support/servers/cluster-nodes.js";
import { until } from "../support/until.js";
import type { Callers } from "../unit/backend/callers.js";

/** Keys of a test in slots of a primary. */
export function keysOf(node: ClusterNode, prefix: string, count: number): string[] {
  const keys: string[] = [];
  for (let index = 0; keys.length < count; index += 1) {
    const key = `test:room:{${prefix}-${index}}:x`;
    if (node.slots.some(([from, to]) => from <= slotOf(key) && slotOf(key) <= to)) keys.push(key);
  }
  return keys;
}

/** Resolves when so many more calls were acknowledged. */
export async function more(callers: Callers, count: number): Promise<void> {
  const seen = callers.acknowledged;
  await until(() => callers.acknowledged >= seen + count, { what: `${count} more calls`, deadline: 20_000 });
}
