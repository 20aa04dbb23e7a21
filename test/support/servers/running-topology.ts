import { administratorTls, type TlsFiles } from "../certificates.js";
import { sendCommand, type RespClientOptions } from "../resp-client.js";
import type { RespValue } from "../resp-parser.js";
import { until } from "../until.js";
import { RedisProcess, type RedisProcessOptions, type ServerTls } from "./redis-process.js";

export type TopologyKind = "single" | "sentinel" | "cluster";

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** What a client needs to know; plain data, in the words of the product's backend configuration. */
export interface TopologyConfig {
  readonly kind: TopologyKind;
  /** The data node, the sentinels, or all nodes of the cluster. */
  readonly nodes: readonly ServerAddress[];
  readonly sentinel?: { readonly name: string; readonly password?: string };
  readonly password?: string;
  /** Given when the servers speak TLS; the certificate is one that they take from a client. */
  readonly tls?: TlsFiles;
}

/** One server of a topology. */
export interface RunningServer extends ServerAddress {
  readonly role: "data" | "sentinel";
  readonly pid: number;
}

/** A topology as plain data, to be handed to another process. */
export interface TopologyDescription {
  readonly config: TopologyConfig;
  readonly servers: readonly RunningServer[];
}

/** What the three topologies have in common. It works from addresses and process ids, so also in a process that did not start it. */
export class RunningTopology {
  readonly config: TopologyConfig;
  /** The servers that this process started; empty when another did. */
  readonly processes: readonly RedisProcess[];
  readonly #described: readonly RunningServer[];

  constructor(config: TopologyConfig, servers: readonly RedisProcess[] | readonly RunningServer[]) {
    this.config = config;
    this.processes = servers.filter((server) => server instanceof RedisProcess);
    this.#described = servers.filter((server): server is RunningServer => !(server instanceof RedisProcess));
  }

  get kind(): TopologyKind {
    return this.config.kind;
  }

  /** The servers that run at present. */
  get servers(): readonly RunningServer[] {
    if (this.processes.length === 0) return this.#described.filter(({ pid }) => isAlive(pid));
    return this.processes.flatMap(({ host, port, role, pid }) =>
      pid === undefined ? [] : [{ host, port, role, pid }],
    );
  }

  get dataServers(): readonly RunningServer[] {
    return this.servers.filter(({ role }) => role === "data");
  }

  get sentinels(): readonly RunningServer[] {
    return this.servers.filter(({ role }) => role === "sentinel");
  }

  /** As plain data for `openTopology`, for example in a test's process. */
  describe(): TopologyDescription {
    return { config: this.config, servers: this.servers };
  }

  /** The process at an address. Throws when it is not one that this process started. */
  processAt(address: ServerAddress): RedisProcess {
    const found = this.processes.find((server) => isSameAddress(server, address));
    if (found === undefined) {
      throw new Error(
        `this process started no server at ${address.host}:${address.port}; start a topology in the test itself`,
      );
    }
    return found;
  }

  /** Sends an administrative command to one server; 2 s at most. */
  command(address: ServerAddress, ...words: (string | number)[]): Promise<RespValue> {
    return sendCommand(this.clientOptions(address), ...words);
  }

  /** Address and password for a client of one's own; 2 s for each command. */
  clientOptions(address: ServerAddress): RespClientOptions {
    const { config } = this;
    const isSentinel = config.kind === "sentinel" && config.nodes.some((node) => isSameAddress(node, address));
    const password = isSentinel ? config.sentinel?.password : config.password;
    const tls = config.tls === undefined ? undefined : administratorTls(config.tls);
    return { host: address.host, port: address.port, password, tls, timeout: 2_000 };
  }

  /** Sends a signal (SIGKILL, SIGSTOP, SIGCONT) to one server's process, whoever started it. */
  signal(address: ServerAddress, signal: NodeJS.Signals): void {
    const server = this.servers.find((candidate) => isSameAddress(candidate, address));
    if (server === undefined) throw new Error(`no server of this topology runs at ${address.host}:${address.port}`);
    process.kill(server.pid, signal);
  }

  /** Ends the servers that this process started, and removes their folders. */
  async stop(): Promise<void> {
    await Promise.all(this.processes.map((server) => server.stop()));
  }
}

/** Starts servers together; when one does not start, the others are ended and its error is thrown. */
export async function startProcesses(options: readonly RedisProcessOptions[]): Promise<RedisProcess[]> {
  const outcomes = await Promise.allSettled(options.map((each) => RedisProcess.start(each)));
  const started = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed === undefined) return started;
  await stopProcesses(started);
  throw failed.reason;
}

/** Ends servers together. */
export async function stopProcesses(processes: readonly RedisProcess[]): Promise<void> {
  await Promise.all(processes.map((server) => server.stop()));
}

/** Waits until a check finds nothing more to wait for; its last finding is in the error. */
export async function untilReady(
  finding: () => Promise<string | undefined>,
  what: string,
  deadline: number,
): Promise<void> {
  const check = async (): Promise<true> => {
    const found = await finding();
    if (found !== undefined) throw new Error(found);
    return true;
  };
  await until(check, { what, deadline, every: 50 });
}

/** The files with which a client may dial servers that were started with `tls`; nothing without. */
export function clientFiles(tls: ServerTls | undefined): { readonly tls?: TlsFiles } {
  if (tls === undefined) return {};
  const { caFile, certFile, keyFile } = tls;
  return { tls: { caFile, certFile, keyFile } };
}

/** Whether two addresses are the same, as written. */
export function isSameAddress(one: ServerAddress, other: ServerAddress): boolean {
  return one.host === other.host && one.port === other.port;
}

/** Only host and port of something that has more. */
export function addressOf({ host, port }: ServerAddress): ServerAddress {
  return { host, port };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
