import type { Generation } from "../backend.js";
import type { Connection } from "./connection.js";

/** What the generations are kept with. */
export interface GenerationsOptions {
  /** Runs the script `register-generations` on the fleet's key and gives what it answers. */
  readonly register: (servers: string, deadline: number) => Promise<string>;
  /** The connections to all servers that keys are routed to now. */
  readonly connections: () => readonly Connection[];
}

/**
 * Knows since when each server has its history of writes, which tells a promoted replica from the primary before it.
 *
 * The fleet keeps what its processes saw first in one hash on the server side, so that one that starts later need not
 * wait. All servers are noted together: a fresh cluster would else count each shard after the first as a surprise.
 */
export class Generations {
  readonly #options: GenerationsOptions;
  readonly #since = new Map<string, number>();

  constructor(options: GenerationsOptions) {
    this.#options = options;
  }

  /** That of the server behind a connection, as it was when its INFO was read last; within `deadline` milliseconds. */
  async of(connection: Connection, deadline: number): Promise<Generation | undefined> {
    const replicationId = connection.info?.replicationId ?? "";
    if (describe(connection) === "") return undefined;
    if (!this.#since.has(replicationId)) {
      const servers = [...new Set([connection, ...this.#options.connections()])].map(describe).join("");
      this.#learn(await this.#options.register(servers, deadline));
    }
    return this.known(connection);
  }

  /**
   * That of the server to which a slot moves, where a script found this id: nothing is lost only when neither server has
   * lost anything since. Answers the owner's where no server that keys are routed to has this id.
   */
  async ofNextOwner(replicationId: string, owner: Generation, deadline: number): Promise<Generation> {
    if (!this.#since.has(replicationId)) {
      const connections = this.#options.connections();
      // What was read when they were opened may be of before the first replica came, which gives a server another id.
      await Promise.allSettled(connections.map((connection) => connection.readInfo()));
      const servers = connections.map(describe).join("");
      if (servers !== "") this.#learn(await this.#options.register(servers, deadline));
    }
    const since = this.#since.get(replicationId);
    return since === undefined ? owner : { replicationId, since: Math.max(since, owner.since) };
  }

  /** The same without asking anybody; undefined while nothing is known of it. */
  known(connection: Connection | undefined): Generation | undefined {
    const { info } = connection ?? {};
    if (info === undefined || info.role === "slave") return undefined;
    const since = this.#since.get(info.replicationId);
    return since === undefined ? undefined : { replicationId: info.replicationId, since };
  }

  #learn(answer: string): void {
    for (const [, replicationId = "", since = ""] of answer.matchAll(/(\w+):(\d+);/g)) {
      this.#since.set(replicationId, Number(since));
    }
  }
}

/** One server in the words of the script; nothing when it did not tell all of it. */
function describe({ info, time }: Connection): string {
  const now = Array.isArray(time) ? Math.floor(Number(time[0]) * 1000 + Number(time[1]) / 1000) : Number.NaN;
  if (info === undefined || info.replicationId === "" || info.runId === "" || !Number.isFinite(now)) return "";
  // What a replica shows is the history of its primary, whose clock it does not have. After a full resynchronization no
  // second id is left: a primary that lost its place would lend its own age to the server that took it.
  if (info.role === "slave") return "";
  const { replicationId, wasPromoted, runId, uptime } = info;
  // Both its start and its uptime are whole seconds, so that it may have started up to one later than they tell.
  const started = Math.min(now, now - uptime * 1000 + 1000);
  return `${replicationId},${wasPromoted ? 1 : 0},${runId},${now},${started};`;
}
