import { RespClient } from "../support/resp-client.js";
import type { ClusterTopology } from "../support/servers/cluster-topology.js";
import { isSameAddress } from "../support/servers/running-topology.js";
import type { SentinelTopology } from "../support/servers/sentinel-topology.js";
import type { SingleTopology } from "../support/servers/single.js";
import type { Topology } from "../support/servers/topology.js";
import { whileLoadRuns } from "./drill.js";
import type { FeedGroup, FeedMember } from "./feed-group.js";
import type { FeedFault } from "./feed-rounds.js";

const kept = 10;

const between = 500;

/** The server ends the connection of every subscriber, so many times. */
export function subscribersKilled(times: number): FeedFault<SingleTopology> {
  return {
    async cause({ topology }) {
      for (let time = 0; time < times; time += 1) {
        await topology.server.command("CLIENT", "KILL", "TYPE", "pubsub");
        await whileLoadRuns(between);
      }
    },
  };
}

/** The links of half the subscribers carry nothing any more and stay open; they notice by themselves. */
export const subscribersSilent: FeedFault<SingleTopology> = {
  async cause({ group }) {
    for (const { proxy } of everySecond(group)) proxy?.stallSubscribers();
    // An echo comes every five seconds and is waited for two.
    await whileLoadRuns(8_000);
    for (const { proxy } of everySecond(group)) await proxy?.pass();
  },
};

/** All links of half the processes carry nothing for three seconds, then everything that was held back. */
export const linksSilent: FeedFault<SingleTopology> = {
  async cause({ group }) {
    for (const { proxy } of everySecond(group)) proxy?.stall();
    await whileLoadRuns(3_000);
    for (const { proxy } of everySecond(group)) await proxy?.pass();
  },
};

/** A share of the messages does not reach their subscribers, who notice nothing. */
export function messagesDropped(share: number, milliseconds: number): FeedFault<SingleTopology> {
  return {
    async cause({ group }) {
      for (const { proxy } of group.members) proxy?.dropMessages(share);
      await whileLoadRuns(milliseconds);
      for (const { proxy } of group.members) proxy?.dropMessages(0);
    },
  };
}

/** A process stands still for so long. */
export function processStopped(milliseconds: number): FeedFault {
  return {
    async cause({ group, turn }) {
      const { child } = group.members[turn % group.members.length] as FeedMember;
      child.pause();
      await whileLoadRuns(milliseconds);
      child.resume();
    },
  };
}

/**
 * All but the last ten entries are trimmed away while some processes stand still, and lose their subscribers: as when a
 * server gives up on somebody who reads nothing.
 */
export function logTrimmed(
  milliseconds: number,
  away: (member: FeedMember, index: number) => boolean,
): FeedFault<SingleTopology> {
  return {
    async cause({ group, topology }) {
      const stopped = group.members.filter(away);
      for (const { child } of stopped) child.pause();
      const subscribers = String(await topology.server.command("CLIENT", "LIST", "TYPE", "pubsub")).split("\n");
      for (const { writer } of stopped) {
        const subscriber = subscribers.find((line) => line.includes(`:${writer} `)) ?? "";
        await topology.server.command("CLIENT", "KILL", "ID", /id=(\d+)/.exec(subscriber)?.[1] ?? "");
      }
      await whileLoadRuns(milliseconds);
      await topology.server.command("XTRIM", group.key, "MAXLEN", kept);
      for (const { child } of stopped) child.resume();
    },
  };
}

export const everythingFlushed: FeedFault<SingleTopology> = {
  async cause({ topology }) {
    await topology.server.command("FLUSHALL");
  },
};

/** A server without persistence dies and starts again, empty. */
export const serverRestarted: FeedFault<SingleTopology> = {
  async cause({ topology }) {
    await topology.server.kill("SIGKILL");
    await topology.server.restart();
  },
};

export const primaryKilled: FeedFault<SentinelTopology> = {
  mayLose: true,
  async cause({ topology }) {
    const primary = await topology.primary();
    await topology.processAt(primary).kill("SIGKILL");
    await topology.primaryOtherThan(primary);
    await topology.processAt(primary).restart();
    await topology.settled();
  },
};

/** A primary stands still until another has taken its place, and finds then what was sent to it meanwhile. */
export const primaryFrozen: FeedFault<SentinelTopology> = {
  mayLose: true,
  async cause({ topology }) {
    const primary = await topology.primary();
    topology.processAt(primary).pause();
    await topology.primaryOtherThan(primary);
    topology.processAt(primary).resume();
    await topology.settled();
  },
};

/**
 * The primary dies when its replicas have had nothing from it for so long.
 *
 * They are frozen and their links are ended: what had been sent before lies in their sockets and is read when they go on,
 * what came after is nowhere else.
 */
export function tailLost(milliseconds: number): FeedFault<SentinelTopology> {
  return {
    mayLose: true,
    async cause({ topology }) {
      const primary = await topology.primary();
      const replicas = topology.dataServers.filter((server) => !isSameAddress(server, primary));
      for (const replica of replicas) topology.processAt(replica).pause();
      const client = await RespClient.connect(topology.clientOptions(primary));
      await client.command("CLIENT", "KILL", "TYPE", "replica");
      client.close();
      await whileLoadRuns(milliseconds);
      await topology.processAt(primary).kill("SIGKILL");
      for (const replica of replicas) topology.processAt(replica).resume();
      await topology.primaryOtherThan(primary);
      await topology.processAt(primary).restart();
      await topology.settled();
    },
  };
}

/** The slot of the log moves to another primary and back, with its keys. */
export const slotMoved: FeedFault<ClusterTopology> = {
  async cause({ topology, group }) {
    const slot = await topology.slotOf(group.key);
    const from = await topology.primaryOf(slot);
    const to = (await topology.primaries()).find(({ id }) => id !== from.id);
    if (to === undefined) throw new Error("the cluster has one primary");
    await topology.moveSlot(slot, to);
    await whileLoadRuns(1_000);
    await topology.moveSlot(slot, from);
  },
};

/** Several faults in one round, with a moment between them. */
export function inTurn<T extends Topology>(...faults: readonly FeedFault<T>[]): FeedFault<T> {
  return {
    mayLose: faults.some(({ mayLose }) => mayLose === true),
    async cause(scene) {
      for (const { cause } of faults) {
        await cause(scene);
        await whileLoadRuns(between);
      }
    },
  };
}

function everySecond(group: FeedGroup): readonly FeedMember[] {
  return group.members.filter((_, index) => index % 2 === 1);
}
