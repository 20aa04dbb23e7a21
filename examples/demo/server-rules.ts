import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterNode } from "../../test/support/servers/cluster-nodes.js";
import { ClusterTopology } from "../../test/support/servers/cluster-topology.js";
import type { RedisProcess } from "../../test/support/servers/redis-process.js";
import { isSameAddress, type ServerAddress } from "../../test/support/servers/running-topology.js";
import { SentinelTopology } from "../../test/support/servers/sentinel-topology.js";
import type { SingleTopology } from "../../test/support/servers/single.js";
import type { Topology } from "../../test/support/servers/topology.js";
import { DeadlineError, until } from "../../test/support/until.js";

export type ServerAction = "kill" | "start" | "restart";

/** What can be done with a server, and why not now, if so. */
export interface ServerOption {
  readonly action: ServerAction;
  readonly refusal?: string;
}

/** A server that was just killed. */
export interface Killed {
  /** Another has taken over, or a single server has been started again; in words. Rejects when that does not come. */
  readonly replaced: Promise<string>;
}

/** What one kind of servers allows, asked of the servers themselves. */
export interface ServerRules {
  /** By address; a server with which nothing can be done is left out. */
  options(): Promise<ReadonlyMap<string, ServerOption>>;
  /** Ends a server with SIGKILL; resolves when it is gone. */
  kill(server: RedisProcess): Promise<Killed>;
}

/** What a supervisor takes to notice and start a server again. */
const restartAfter = 1_000;
const replaceLimit = 30_000;
/** Sentinels begin no second failover within twice their failover timeout. */
const betweenFailovers = 11_000;
const settleLimit = 300;

/** The rules for servers that the demo has started; `signal` ends what waits. */
export function rulesFor(topology: Topology, signal: AbortSignal): ServerRules {
  if (topology instanceof ClusterTopology) return new ClusterRules(topology);
  if (topology instanceof SentinelTopology) return new SentinelRules(topology);
  return new SingleRules(topology, signal);
}

export function addressText({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}

class SingleRules implements ServerRules {
  readonly #topology: SingleTopology;
  readonly #signal: AbortSignal;

  constructor(topology: SingleTopology, signal: AbortSignal) {
    this.#topology = topology;
    this.#signal = signal;
  }

  options(): Promise<ReadonlyMap<string, ServerOption>> {
    const { server } = this.#topology;
    return Promise.resolve(new Map([[addressText(server), { action: server.running ? "restart" : "start" }]]));
  }

  async kill(server: RedisProcess): Promise<Killed> {
    await server.kill();
    return { replaced: this.#restart(server) };
  }

  async #restart(server: RedisProcess): Promise<string> {
    await sleep(restartAfter, undefined, { signal: this.#signal });
    await server.restart();
    return `${addressText(server)} runs again`;
  }
}

class SentinelRules implements ServerRules {
  readonly #topology: SentinelTopology;
  #lastFailover = -Infinity;

  constructor(topology: SentinelTopology) {
    this.#topology = topology;
  }

  async options(): Promise<ReadonlyMap<string, ServerOption>> {
    const [primary, unsettled] = await Promise.all([this.#primary(), whyUnsettled(this.#topology)]);
    return optionsOf(this.#topology, (server) => {
      const isPrimary = primary !== undefined && isSameAddress(primary, server);
      if (server.running) return isPrimary ? this.#whenPrimary(unsettled) : undefined;
      const mayBePrimary = server.role === "data" && (isPrimary || primary === undefined);
      return start(mayBePrimary && this.#topology.dataServers.length > 0);
    });
  }

  async kill(server: RedisProcess): Promise<Killed> {
    await server.kill();
    const replaced = this.#topology.primaryOtherThan(server, replaceLimit).finally(() => {
      this.#lastFailover = performance.now();
    });
    return { replaced: replaced.then(tookOver) };
  }

  #whenPrimary(unsettled: string | undefined): ServerOption {
    const left = this.#lastFailover + betweenFailovers - performance.now();
    if (this.#topology.dataServers.length < 2) return noReplica();
    if (left > 0) {
      const pause = `sentinels begin no second failover within ${betweenFailovers / 1_000} s of the last`;
      return { action: "kill", refusal: `${pause}; wait ${Math.ceil(left / 1_000)} s more` };
    }
    return kill(unsettled);
  }

  /** The one that all sentinels name; undefined while they differ. */
  async #primary(): Promise<ServerAddress | undefined> {
    const { sentinels, name } = this.#topology;
    const ask = (sentinel: ServerAddress): Promise<unknown> =>
      this.#topology.command(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name).catch(() => undefined);
    const answers = (await Promise.all(sentinels.map(ask))).filter((answer) => Array.isArray(answer));
    const named = answers.map(([host, port]) => ({ host: String(host), port: Number(port) }));
    const [first] = named;
    return first !== undefined && named.every((other) => isSameAddress(first, other)) ? first : undefined;
  }
}

class ClusterRules implements ServerRules {
  readonly #topology: ClusterTopology;

  constructor(topology: ClusterTopology) {
    this.#topology = topology;
  }

  async options(): Promise<ReadonlyMap<string, ServerOption>> {
    const [nodes, unsettled] = await Promise.all([
      this.#topology.nodes().catch((): readonly ClusterNode[] => []),
      whyUnsettled(this.#topology),
    ]);
    return optionsOf(this.#topology, (server) => {
      const node = nodes.find((each) => isSameAddress(each, server));
      const serves = (node?.slots.length ?? 0) > 0;
      const isReplicaAlive = nodes.some(
        (each) => each.primaryId === node?.id && this.#topology.processAt(each).running,
      );
      if (!server.running) return start(serves && isReplicaAlive);
      if (!serves) return undefined;
      return isReplicaAlive ? kill(unsettled) : noReplica();
    });
  }

  async kill(server: RedisProcess): Promise<Killed> {
    const slot = (await this.#topology.primaries()).find((node) => isSameAddress(node, server))?.slots[0]?.[0] ?? 0;
    await server.kill();
    const another = async (): Promise<ServerAddress | undefined> => {
      const primary = await this.#topology.primaryOf(slot);
      return isSameAddress(primary, server) ? undefined : primary;
    };
    const replaced = until(another, { what: "a replica to take over", deadline: replaceLimit, every: 100 });
    return { replaced: replaced.then(tookOver) };
  }
}

function optionsOf(
  { processes }: Topology,
  optionOf: (server: RedisProcess) => ServerOption | undefined,
): ReadonlyMap<string, ServerOption> {
  return new Map(
    processes.flatMap((server) => {
      const option = optionOf(server);
      return option === undefined ? [] : [[addressText(server), option] as const];
    }),
  );
}

/** A primary that came back before its replica was promoted would serve again, without its data. */
function start(isTooEarly: boolean): ServerOption {
  const refusal = "no replica has taken over yet, and it would come back as the primary, without its data";
  return { action: "start", ...(isTooEarly ? { refusal } : {}) };
}

function kill(unsettled: string | undefined): ServerOption {
  return { action: "kill", ...(unsettled === undefined ? {} : { refusal: unsettled }) };
}

function noReplica(): ServerOption {
  return { action: "kill", refusal: "no replica of it is left that could take over; start one again first" };
}

function tookOver(address: ServerAddress): string {
  return `${addressText(address)} has taken over`;
}

async function whyUnsettled(topology: SentinelTopology | ClusterTopology): Promise<string | undefined> {
  try {
    await topology.settled(settleLimit);
    return undefined;
  } catch (error) {
    const reason = error instanceof DeadlineError && error.cause instanceof Error ? error.cause.message : String(error);
    return `the servers have not settled yet: ${reason}`;
  }
}
