import type { ClusterTopology } from "./cluster-topology.js";
import type { ClusterOptions } from "./cluster.js";
import { freePort } from "./free-port.js";
import type { RedisProcess } from "./redis-process.js";

/** By which we reach every node, whatever it announces. */
const administration = "127.0.0.1";

/** Options of a cluster whose nodes announce a loopback address, for example "127.0.0.2". */
export function announcing(host: string): ClusterOptions {
  return { appendOnly: true, config: lines([host], host) };
}

/**
 * Restarts all nodes at once; each announces a new host from then on, and listens at the old one too: there the others
 * look for it, since all that they know of each other is in their files. Those in `moved` do not, and look for the others.
 */
export async function announceAtOnce(
  topology: ClusterTopology,
  { from, to, moved }: { readonly from: string; readonly to: string; readonly moved: readonly RedisProcess[] },
): Promise<void> {
  const restart = (node: RedisProcess): Promise<void> =>
    node.restart({ config: lines(moved.includes(node) ? [to] : [from, to], to) });
  await Promise.all(topology.processes.map(restart));
  await topology.settled();
}

/** Restarts one node after the other, the first primaries last, at a new host and a new port; nobody listens at the old addresses any more. */
export async function moveOneByOne(topology: ClusterTopology, to: string): Promise<void> {
  for (const node of [...topology.processes].reverse()) {
    await node.restart({ port: await freePort(), config: lines([to], to) });
    await topology.settled();
  }
}

function lines(hosts: readonly string[], announced: string): readonly string[] {
  return [`bind ${administration} ${hosts.join(" ")}`, `cluster-announce-ip ${announced}`];
}
