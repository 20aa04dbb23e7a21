import type { RedisProcess, RedisProcessOptions } from "./redis-process.js";
import {
  RunningTopology,
  addressOf,
  clientFiles,
  startProcesses,
  type RunningServer,
  type TopologyConfig,
} from "./running-topology.js";

export type SingleOptions = RedisProcessOptions;

/** One server. */
export class SingleTopology extends RunningTopology {
  /** The only server's process. Throws when another process started it. */
  get server(): RedisProcess {
    return this.processAt(this.#node);
  }

  /** The server, in the form of the other topologies. */
  primary(): Promise<RunningServer> {
    const [server] = this.dataServers;
    if (server === undefined) return Promise.reject(new Error("the single server does not run"));
    return Promise.resolve(server);
  }

  get #node(): TopologyConfig["nodes"][number] {
    const [node] = this.config.nodes;
    if (node === undefined) throw new Error("a single topology has one node");
    return node;
  }
}

/** Starts one server and resolves when it answers. */
export async function startSingle(options: SingleOptions = {}): Promise<SingleTopology> {
  const processes = await startProcesses([options]);
  const { password } = options;
  return new SingleTopology(
    {
      kind: "single",
      nodes: processes.map(addressOf),
      ...(password === undefined ? {} : { password }),
      ...clientFiles(options.tls),
    },
    processes,
  );
}
