import type { RedisProcess, ServerTls } from "./redis-process.js";
import { addressOf, clientFiles, startProcesses, stopProcesses } from "./running-topology.js";
import { SentinelTopology } from "./sentinel-topology.js";

export interface SentinelOptions {
  /** Milliseconds of silence after which a sentinel holds a server for down; default 1 000. */
  readonly downAfter?: number;
  /** Milliseconds, as sentinels mean it; default five times `downAfter`, at least 5 000. */
  readonly failoverTimeout?: number;
  /** Default 2. */
  readonly replicas?: number;
  /** Default 3; the quorum is their majority. */
  readonly sentinels?: number;
  /** Default "mymaster". */
  readonly name?: string;
  /** Of the data servers' default user. */
  readonly password?: string;
  /** Of the sentinels' default user (server 5.0.1 or later). */
  readonly sentinelPassword?: string;
  readonly maxMemory?: string;
  readonly appendOnly?: boolean;
  /** Of the data servers and the sentinels alike. */
  readonly tls?: ServerTls;
  /** More lines of configuration for the data servers. */
  readonly config?: readonly string[];
}

/** The times of the `sentinel.conf` that servers are shipped with. */
export const shippedSentinelTimes = { downAfter: 30_000, failoverTimeout: 180_000 } as const;

/** Starts a primary, replicas and sentinels, and resolves when the replicas are in sync and the sentinels know each other and the replicas. */
export async function startSentinel(options: SentinelOptions = {}): Promise<SentinelTopology> {
  const { replicas = 2, sentinels = 3, name = "mymaster", password, sentinelPassword, tls } = options;
  const started: RedisProcess[] = [];
  try {
    const [primary] = await startProcesses([dataOptions(options)]);
    if (primary === undefined) throw new Error("the primary did not start");
    started.push(primary);
    const follow = dataOptions(options, `replicaof ${primary.host} ${primary.port}`);
    started.push(...(await startProcesses(Array.from({ length: replicas }, () => follow))));
    const watch = {
      role: "sentinel",
      config: watching(primary, options),
      ...givenPassword(sentinelPassword),
      ...(tls === undefined ? {} : { tls }),
    } as const;
    const watchers = await startProcesses(Array.from({ length: sentinels }, () => watch));
    started.push(...watchers);
    const topology = new SentinelTopology(
      {
        kind: "sentinel",
        nodes: watchers.map(addressOf),
        sentinel: { name, ...givenPassword(sentinelPassword) },
        ...givenPassword(password),
        ...clientFiles(tls),
      },
      started,
    );
    await topology.settled();
    return topology;
  } catch (error) {
    await stopProcesses(started);
    throw error;
  }
}

function dataOptions(options: SentinelOptions, ...lines: string[]): Parameters<typeof startProcesses>[0][number] {
  const { password, maxMemory, appendOnly = false, config = [], tls } = options;
  return {
    appendOnly,
    config: [...config, ...lines],
    ...givenPassword(password),
    ...(maxMemory === undefined ? {} : { maxMemory }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function watching(primary: RedisProcess, options: SentinelOptions): string[] {
  const { downAfter = 1_000, sentinels = 3, name = "mymaster", password } = options;
  const { failoverTimeout = Math.max(5_000, downAfter * 5) } = options;
  const quorum = Math.floor(sentinels / 2) + 1;
  return [
    `sentinel monitor ${name} ${primary.host} ${primary.port} ${quorum}`,
    `sentinel down-after-milliseconds ${name} ${downAfter}`,
    `sentinel failover-timeout ${name} ${failoverTimeout}`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${name} ${password}`]),
  ];
}

function givenPassword(password: string | undefined): { readonly password?: string } {
  return password === undefined ? {} : { password };
}
