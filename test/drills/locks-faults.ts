import { RespClient } from "../support/resp-client.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { isSameAddress, type ServerAddress } from "../support/servers/running-topology.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import type { SingleTopology } from "../support/servers/single.js";
import type { Topology } from "../support/servers/topology.js";
import type { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";
import { storm } from "./client-kill-storm.js";
import { whileLoadRuns } from "./drill.js";
import type { LocksGroup } from "./locks-group.js";

/** Where a fault is caused. */
export interface LocksScene<T extends Topology = Topology> {
  readonly group: LocksGroup;
  readonly topology: T;
  /** Counts the faults of a drill, from 0. */
  readonly turn: number;
}

/** One fault while locks are taken; resolves when it is over. */
export type LocksFault<T extends Topology = Topology> = (scene: LocksScene<T>) => Promise<void>;

type Role = "holder" | "waiter";

/** SIGKILL of whoever holds a lock, or waits for one. */
export function processKilled(role: Role): LocksFault {
  return async ({ group, turn }) => group.kill(await group.find(role, turn));
}

/** Whoever holds a lock, or waits for one, stands still for longer than its lease. */
export function processStopped(role: Role): LocksFault {
  return async ({ group, turn }) => {
    const { child } = await group.find(role, turn);
    child.pause();
    await whileLoadRuns(group.lease * 1.5);
    child.resume();
  };
}

export const serverFrozen: LocksFault<SingleTopology> = async ({ group, topology }) => {
  topology.server.pause();
  await whileLoadRuns(group.lease * 1.5);
  topology.server.resume();
};

export const serverRestarted: LocksFault<SingleTopology> = async ({ topology }) => {
  await topology.server.kill("SIGKILL");
  await topology.server.restart();
};

/** The server takes nothing more that needs memory, for a while. */
export const memoryFull: LocksFault<SingleTopology> = async ({ topology }) => {
  await topology.server.command("CONFIG", "SET", "maxmemory", "1");
  await whileLoadRuns(2_000);
  await topology.server.command("CONFIG", "SET", "maxmemory", "0");
};

/** The server ends the connections of all clients, once. */
export const clientsEnded: LocksFault<SingleTopology> = async ({ topology }) => {
  await topology.server.command("CLIENT", "KILL", "TYPE", "pubsub");
  await topology.server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
};

export const clientsKilled: LocksFault = async ({ topology }) => {
  await storm(topology);
};

export const scriptsFlushed: LocksFault<SingleTopology> = async ({ topology }) => {
  for (let time = 0; time < 5; time += 1) {
    await topology.server.command("SCRIPT", "FLUSH");
    await whileLoadRuns(100);
  }
};

export const everythingFlushed: LocksFault<SingleTopology> = async ({ topology }) => {
  await topology.server.command("FLUSHALL");
};

/** The subscribers of half the processes carry nothing for so long, and stay open; then comes what was held back. */
export function subscribersSilent(milliseconds: number): LocksFault {
  return async ({ group }) => {
    const proxies = proxiesOf(group).filter((_, index) => index % 2 === 1);
    for (const proxy of proxies) proxy.stallSubscribers();
    await whileLoadRuns(milliseconds);
    for (const proxy of proxies) await proxy.pass();
  };
}

/** That share of all messages does not arrive. */
export function messagesDropped(share: number): LocksFault {
  return async ({ group }) => {
    for (const proxy of proxiesOf(group)) proxy.dropMessages(share);
    await whileLoadRuns(3_000);
    for (const proxy of proxiesOf(group)) proxy.dropMessages(0);
  };
}

/** Scripts are carried out, and their replies lost with the connection. */
export const repliesDropped: LocksFault = async ({ group }) => {
  for (const proxy of proxiesOf(group)) {
    const affected = proxy.dropReplies(3);
    await until(() => affected.length === 3, { what: "three replies to be lost", deadline: 20_000 });
  }
};

/** Replies take so long that little of a lease is left, or nothing. */
export const repliesLate: LocksFault = async ({ group }) => {
  for (const late of [0.4, 0.9, 1.2]) {
    const [one, other] = proxiesOf(group);
    for (const proxy of [one, other]) proxy?.delay(group.lease * late);
    await whileLoadRuns(group.lease * 2);
    for (const proxy of [one, other]) proxy?.delay(0);
  }
};

/** Commands arrive twice, and others only when their processes have long asked anew. */
export const commandsLate: LocksFault = async ({ group }) => {
  const held = proxiesOf(group).flatMap((proxy) => {
    proxy.deliverTwice(5);
    return [proxy.deliverLate(3)];
  });
  await until(() => held.every(({ length }) => length === 3), { what: "commands to be held back", deadline: 30_000 });
  await whileLoadRuns(group.lease * 0.7);
  await Promise.all(held.flat().map((each) => each.deliver()));
  for (const proxy of proxiesOf(group)) await proxy.pass();
};

/** Operators take the lock from whoever has it, again and again. */
export const forced: LocksFault = async ({ group }) => {
  for (let time = 0; time < 10; time += 1) {
    for (const name of group.names) await group.fleet.locks.forceRelease(name, { by: "the drill" });
    await whileLoadRuns(100);
  }
};

export const sentinelPlanned: LocksFault<SentinelTopology> = async ({ topology }) => {
  await topology.failover();
  await topology.settled();
};

export const sentinelKilled: LocksFault<SentinelTopology> = async ({ topology }) => {
  const primary = await topology.primary();
  await topology.processAt(primary).kill("SIGKILL");
  await topology.primaryOtherThan(primary);
  await topology.processAt(primary).restart();
  await topology.settled();
};

export const sentinelFrozen: LocksFault<SentinelTopology> = async ({ topology }) => {
  const primary = await topology.primary();
  topology.processAt(primary).pause();
  await topology.primaryOtherThan(primary);
  topology.processAt(primary).resume();
  await topology.settled();
};

/**
 * The primary dies when its replicas have had nothing from it for so long: what it granted then, nobody else knows.
 *
 * They are frozen and their links are ended, so that nothing waits in their sockets for them to go on.
 */
export function sentinelTailLost(milliseconds: number): LocksFault<SentinelTopology> {
  return async ({ topology }) => {
    const primary = await topology.primary();
    const replicas = topology.dataServers.filter((server) => !isSameAddress(server, primary));
    await loseTail(topology, primary, replicas, milliseconds);
    await topology.primaryOtherThan(primary);
    await topology.processAt(primary).restart();
    await topology.settled();
  };
}

export const clusterPlanned: LocksFault<ClusterTopology> = async ({ group, topology, turn }) => {
  await topology.failover(await primaryOf(group, topology, turn));
};

export const clusterKilled: LocksFault<ClusterTopology> = async ({ group, topology, turn }) => {
  const primary = await primaryOf(group, topology, turn);
  await topology.processAt(primary).kill("SIGKILL");
  await untilReplaced(topology, primary);
  await topology.processAt(primary).restart();
  await topology.settled(60_000);
};

/** As `sentinelTailLost`, of the primary of one of the locks. */
export function clusterTailLost(milliseconds: number): LocksFault<ClusterTopology> {
  return async ({ group, topology, turn }) => {
    const primary = await primaryOf(group, topology, turn);
    await loseTail(topology, primary, [await topology.replicaOf(primary)], milliseconds);
    await untilReplaced(topology, primary);
    await topology.processAt(primary).restart();
    await topology.settled(60_000);
  };
}

/** Every slot is left open towards the next primary for a while. */
export const slotsOpen: LocksFault<ClusterTopology> = async ({ topology }) => {
  await topology.openAllSlots();
  await whileLoadRuns(3_000);
  await topology.closeAllSlots();
};

/** The slot of a lock moves to another primary with its key. */
export const slotMoved: LocksFault<ClusterTopology> = async ({ group, topology, turn }) => {
  const slot = await topology.slotOf(group.key(group.names[turn % group.names.length] as string));
  const from = await topology.primaryOf(slot);
  const to = (await topology.primaries()).find(({ id }) => id !== from.id);
  if (to === undefined) throw new Error("the cluster has one primary");
  await topology.moveSlot(slot, to);
};

async function loseTail(
  topology: SentinelTopology | ClusterTopology,
  primary: ServerAddress,
  replicas: readonly ServerAddress[],
  milliseconds: number,
): Promise<void> {
  for (const replica of replicas) topology.processAt(replica).pause();
  const client = await RespClient.connect(topology.clientOptions(primary));
  await client.command("CLIENT", "KILL", "TYPE", "replica");
  client.close();
  await whileLoadRuns(milliseconds);
  await topology.processAt(primary).kill("SIGKILL");
  for (const replica of replicas) topology.processAt(replica).resume();
}

async function primaryOf(group: LocksGroup, topology: ClusterTopology, turn: number): Promise<ServerAddress> {
  return topology.primaryOf(await topology.slotOf(group.key(group.names[turn % group.names.length] as string)));
}

function untilReplaced(topology: ClusterTopology, former: ServerAddress): Promise<unknown> {
  const isReplaced = async (): Promise<boolean> => {
    const nodes = await topology.nodes();
    const primaries = await topology.primaries();
    const slots = primaries.flatMap((node) => node.slots).reduce((sum, [from, to]) => sum + to - from + 1, 0);
    return nodes.length > 0 && slots === 16_384 && primaries.every(({ port }) => port !== former.port);
  };
  return until(isReplaced, { what: "a replica to be promoted", deadline: 40_000 });
}

function proxiesOf(group: LocksGroup): readonly TcpProxy[] {
  return group.members.flatMap(({ proxy }) => proxy ?? []);
}
