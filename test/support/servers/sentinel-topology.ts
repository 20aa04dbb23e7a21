import { until } from "../until.js";
import type { RespValue } from "../resp-parser.js";
import { parseInfo } from "./redis-process.js";
import { RunningTopology, isSameAddress, untilReady, type ServerAddress } from "./running-topology.js";

/** A primary, its replicas, and sentinels that watch them. */
export class SentinelTopology extends RunningTopology {
  get name(): string {
    return this.config.sentinel?.name ?? "mymaster";
  }

  /** The primary, once every sentinel that answers names the same one. Rejects after 10 s. */
  primary(): Promise<ServerAddress> {
    return until(() => this.#agreed(), { what: "the sentinels to name one primary" });
  }

  /** The data servers that run and are not the primary. */
  async replicas(): Promise<readonly ServerAddress[]> {
    const primary = await this.primary();
    return this.dataServers.filter((server) => !isSameAddress(server, primary));
  }

  /**
   * Has the sentinels promote a replica (a planned failover) and resolves with the new primary when all of them name it.
   * The former primary becomes a replica some seconds later; `settled` waits for that.
   */
  async failover(): Promise<ServerAddress> {
    const before = await this.primary();
    await until(() => this.#askSentinel("FAILOVER", this.name), {
      what: "a sentinel to begin the failover",
      every: 100,
    });
    return this.primaryOtherThan(before);
  }

  /** Resolves with the new primary when the sentinels agree on another one than the given and it accepts writes; for a crash too. */
  primaryOtherThan(former: ServerAddress, deadline: number = 40_000): Promise<ServerAddress> {
    return until(
      async () => {
        const now = await this.#agreed();
        if (now === undefined || isSameAddress(now, former)) return undefined;
        return (await this.#replication(now)).get("role") === "master" ? now : undefined;
      },
      { what: `another primary than ${former.host}:${former.port}`, deadline },
    );
  }

  /** Resolves when every running sentinel knows all others and the replicas, and every running replica follows the primary; a frozen server counts as running. */
  async settled(deadline: number = 30_000): Promise<void> {
    await untilReady(() => this.#unsettled(), "the sentinels and replicas to settle", deadline);
  }

  async #unsettled(): Promise<string | undefined> {
    const primary = await this.#agreed();
    if (primary === undefined) return "the sentinels do not agree on a primary";
    const replicas = this.dataServers.filter((server) => !isSameAddress(server, primary));
    for (const replica of replicas) {
      const state = await this.#replication(replica);
      const follows = state.get("role") === "slave" && state.get("master_port") === String(primary.port);
      if (!follows) return `${replica.port} does not follow ${primary.port}`;
      if (state.get("master_link_status") !== "up") return `the link of ${replica.port} is down`;
    }
    for (const sentinel of this.sentinels) {
      const others = healthy(await this.command(sentinel, "SENTINEL", "SENTINELS", this.name));
      if (others.length < this.sentinels.length - 1) return `sentinel ${sentinel.port} knows ${others.length} others`;
      const known = healthy(await this.command(sentinel, "SENTINEL", "REPLICAS", this.name));
      if (known.length < replicas.length) return `sentinel ${sentinel.port} knows ${known.length} replicas`;
    }
    return undefined;
  }

  async #agreed(): Promise<ServerAddress | undefined> {
    const answers = await Promise.allSettled(
      this.sentinels.map((sentinel) => this.command(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", this.name)),
    );
    const ports = answers.flatMap((answer) => {
      if (answer.status === "rejected" || !Array.isArray(answer.value)) return [];
      return [{ host: String(answer.value[0]), port: Number(answer.value[1]) }];
    });
    const [first, ...others] = ports;
    if (first === undefined || others.some((other) => !isSameAddress(first, other))) return undefined;
    return first;
  }

  async #askSentinel(...words: string[]): Promise<RespValue> {
    let refused: unknown = new Error("no sentinel runs");
    for (const sentinel of this.sentinels) {
      try {
        return await this.command(sentinel, "SENTINEL", ...words);
      } catch (error) {
        refused = error;
      }
    }
    throw refused;
  }

  async #replication(server: ServerAddress): Promise<Map<string, string>> {
    return parseInfo(await this.command(server, "INFO", "replication"));
  }
}

function healthy(answer: RespValue): Map<string, string>[] {
  if (!Array.isArray(answer)) return [];
  return answer.map(fieldsOf).filter((fields) => !/down|disconnected/.test(fields.get("flags") ?? ""));
}

function fieldsOf(entry: RespValue): Map<string, string> {
  const fields = new Map<string, string>();
  if (!Array.isArray(entry)) return fields;
  for (let index = 0; index + 1 < entry.length; index += 2) fields.set(String(entry[index]), String(entry[index + 1]));
  return fields;
}
