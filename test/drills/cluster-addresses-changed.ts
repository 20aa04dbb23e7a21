import { announceAtOnce, announcing, moveOneByOne } from "../support/servers/cluster-addresses.js";
import { clusterDrill } from "./cluster-under-load.js";
import { whileLoadRuns, type Drill } from "./drill.js";

// By then every process has asked again, and knows all new addresses.
const between = 3_000;
const proves = "the servers known last are kept: they are dialled again, and asked beside the seeds";

/** The host that the nodes announce before a turn; each turn changes it. */
function host(turn: number): string {
  return `127.0.0.${turn + 2}`;
}

/**
 * The external-IP action: every node announces another address, and all are restarted at once.
 *
 * The seed that the processes were given is one that is not there any more; the other nodes still listen at the old
 * addresses too, as servers do that got an external address besides their own.
 */
export const clusterAddressesChanged: Drill = clusterDrill({
  name: "cluster-addresses-changed",
  about:
    "every node announces another address, all restarted at once, the only seed gone, under load from three processes",
  proves,
  cluster: announcing(host(0)),
  seeds: (topology) => topology.config.nodes.slice(0, 1).map(({ port }) => ({ host: host(0), port })),
  async cause(topology, turn) {
    await announceAtOnce(topology, { from: host(turn), to: host(turn + 1), moved: topology.processes.slice(0, 1) });
    await whileLoadRuns(between);
  },
});

/** The same one node after the other, each at another host and port, until no old address is left; then all are restarted at once. */
export const clusterAddressesMoved: Drill = clusterDrill({
  name: "cluster-addresses-moved",
  about: "every node restarted at another host and port in turn, then all at once, under load from three processes",
  proves,
  cluster: announcing(host(0)),
  seeds: (topology) => topology.config.nodes.map(({ port }) => ({ host: host(0), port })),
  async cause(topology, turn) {
    await moveOneByOne(topology, host(turn + 1));
    await whileLoadRuns(between);
    await Promise.all(topology.processes.map((node) => node.restart()));
    await topology.settled();
  },
});
