import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { RedisBackendConfig } from "../../src/config/backend-config.js";
import { Child } from "../support/child.js";
import type { RespValue } from "../support/resp-parser.js";
import type { ServerAddress, TopologyConfig } from "../support/servers/running-topology.js";
import type { Topology } from "../support/servers/topology.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { pause, until } from "../support/until.js";
import { logKey, type FeedOrder, type FeedPlan, type FeedReply, type Mechanism } from "./feed-protocol.js";

const compiledWorker = fileURLToPath(new URL("./feed-worker.js", import.meta.url));
const timeouts = { connect: 5_000, command: 8_000, start: 10_000 };
const answerWithin = 60_000;
const reassertionsTake = 700;
const pageSize = 2_000;

export interface FeedGroupOptions {
  /** Default 6. */
  readonly processes?: number;
  /** Milliseconds between two appends of a process; default 33. */
  readonly appendEvery?: number;
  /** Each process reaches the one server through a proxy of its own. */
  readonly proxied?: boolean;
  /** What the follower of a process does without, by its number. */
  readonly without?: (index: number) => readonly Mechanism[];
  /** The compiled worker; default the one beside this file. */
  readonly worker?: string;
}

/** One process that appends and follows. */
export interface FeedMember {
  readonly writer: string;
  readonly without: readonly Mechanism[];
  readonly child: Child;
  readonly proxy: TcpProxy | undefined;
}

/** An entry as it is stored. */
export interface StoredEntry {
  readonly position: string;
  readonly mark: string;
}

/** What a process reports. */
export interface MemberReport extends FeedReply {
  readonly writer: string;
}

/** Several processes that append to one log and follow it, without pause. */
export class FeedGroup {
  readonly topology: Topology;
  readonly members: readonly FeedMember[];
  readonly key: string;
  #orders = 0;

  private constructor(topology: Topology, members: readonly FeedMember[], namespace: string) {
    this.topology = topology;
    this.members = members;
    this.key = logKey(namespace);
  }

  /** Starts the processes and resolves when all of them follow the log; they do not append yet. */
  static async start(topology: Topology, options: FeedGroupOptions = {}): Promise<FeedGroup> {
    const { processes = 6, appendEvery = 33, proxied = false, worker = compiledWorker } = options;
    const namespace = `drill-${randomBytes(4).toString("hex")}`;
    const members: FeedMember[] = [];
    const group = new FeedGroup(topology, members, namespace);
    try {
      for (let index = 0; index < processes; index += 1) {
        const [target] = topology.config.nodes;
        const proxy = proxied && target !== undefined ? await TcpProxy.start({ target }) : undefined;
        const without = options.without?.(index) ?? [];
        const config = backendConfig(topology.config, proxy);
        const plan: FeedPlan = { config, namespace, writer: `writer-${index}`, appendEvery, without };
        const environment = { DRILL_PLAN: JSON.stringify(plan) };
        members.push({
          writer: plan.writer,
          without,
          proxy,
          child: new Child(worker, { environment, lifetime: 3_600_000 }),
        });
      }
      await Promise.all(members.map(({ child }) => child.message(isReady, { deadline: 30_000 })));
      return group;
    } catch (error) {
      await group.stop();
      throw error;
    }
  }

  /** Gives an order to every process and resolves with their answers; a frozen one answers when it goes on. */
  order(order: FeedOrder): Promise<readonly MemberReport[]> {
    return Promise.all(
      this.members.map(async ({ child, writer }) => {
        const number = (this.#orders += 1);
        const after = child.messages.length;
        await child.send({ number, order });
        const reply = await child.message(
          (message): message is FeedReply => (message as Partial<FeedReply>).number === number,
          { after, deadline: answerWithin },
        );
        return { ...reply, writer };
      }),
    );
  }

  /** Ends the appending, and resolves when everybody has applied all of the log and nobody adds to it any more. */
  async settle(): Promise<void> {
    await this.order("pause");
    let settledAt = "";
    const isSettled = async (): Promise<boolean> => {
      const positions = (await this.order("settle")).map(({ position }) => position);
      const end = await this.#end();
      const before = settledAt;
      settledAt = positions.every((position) => position === end) ? end : "";
      if (settledAt === "" || settledAt !== before) await pause(reassertionsTake);
      return settledAt !== "" && settledAt === before;
    };
    await until(isSettled, { what: "everybody to have applied the whole log", deadline: answerWithin });
  }

  /** The whole log as it is stored now. */
  async stored(): Promise<readonly StoredEntry[]> {
    const server = await this.logServer();
    const entries: StoredEntry[] = [];
    for (let from = "-"; ;) {
      const page = readPage(await this.topology.command(server, "XRANGE", this.key, from, "+", "COUNT", pageSize));
      // A page begins with the last entry of the one before: `(` in a range came with 6.2.
      entries.push(...(from === "-" ? page : page.slice(1)));
      const last = page.at(-1)?.position;
      if (page.length < pageSize || last === undefined) return entries;
      from = last;
    }
  }

  /** The server that has the log. */
  async logServer(): Promise<ServerAddress> {
    const { topology } = this;
    return "slotOf" in topology ? topology.primaryOf(await topology.slotOf(this.key)) : topology.primary();
  }

  /** Ends all processes, whatever state they are in. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ child }) => child.stop()));
    await Promise.all(this.members.map(async ({ proxy }) => proxy?.stop()));
  }

  async #end(): Promise<string> {
    const server = await this.logServer();
    const last = await this.topology.command(server, "XREVRANGE", this.key, "+", "-", "COUNT", 1);
    return readPage(last)[0]?.position ?? "";
  }
}

function backendConfig({ kind, nodes, sentinel }: TopologyConfig, proxy: TcpProxy | undefined): RedisBackendConfig {
  const reached = proxy === undefined ? nodes : [{ host: proxy.host, port: proxy.port }];
  const watched = sentinel === undefined ? {} : { sentinel: { name: sentinel.name } };
  return { kind, nodes: reached, ...watched, database: 0, maxPending: 10_000, timeouts };
}

function isReady(message: unknown): message is { kind: "ready" } {
  const { kind, message: reason } = message as { kind?: string; message?: string };
  if (kind === "failed") throw new Error(`a worker could not start: ${reason ?? ""}`);
  return kind === "ready";
}

/** Entries of a stream; the mark of one that a sync made is empty. */
function readPage(reply: RespValue): readonly StoredEntry[] {
  if (!Array.isArray(reply)) return [];
  return reply.map((entry) => {
    const [position, fields] = entry as [string, string[]];
    return { position, mark: fields[fields.indexOf("p") + 1] ?? "" };
  });
}
