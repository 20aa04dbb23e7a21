import type { NodeAddress } from "../../config/backend-config.js";
import type { Clock, Timer } from "../../core/clock.js";
import type { FleetError } from "../../core/errors.js";
import type { Topology, TopologyNode } from "../backend.js";
import { Connection, type ConnectionOptions } from "./connection.js";

/** What the check is made with. */
export interface ReachabilityOptions {
  readonly clock: Clock;
  readonly topology: () => Topology;
  readonly connect: (address: NodeAddress, role: "probe" | "sentinel") => ConnectionOptions;
  /** Says what a failed attempt really met. */
  readonly explain: (error: Error, address: NodeAddress) => FleetError;
  readonly onUnreachable: (node: TopologyNode, error: FleetError) => void;
}

// A server that was just killed is still in the topology for a while, and one that just started does not answer yet.
const settleAfter = 2_000;
const againAfter = 5_000;
const formerPrimaryFor = 60_000;

/**
 * Finds the servers that the topology announces and this process cannot use, by address or by password: they are of no use until a failover makes
 * one of them a primary, and then everything stands still.
 *
 * After each change of the topology every server without a connection is dialled once, and a second time when that
 * failed; both failures make a warning, once until the server was reached.
 */
export class Reachability {
  readonly #options: ReachabilityOptions;
  readonly #unreachable = new Set<string>();
  /** When each server was a primary last. */
  readonly #primaries = new Map<string, number>();
  #timer: Timer | undefined;
  #round = 0;

  constructor(options: ReachabilityOptions) {
    this.#options = options;
  }

  /** The topology is another one. */
  changed(): void {
    this.#round += 1;
    const { nodes } = this.#options.topology();
    const now = this.#options.clock.monotonic();
    for (const { id, role } of nodes) if (role === "primary") this.#primaries.set(id, now);
    // What left the topology is not remembered.
    const known = new Set(nodes.map(({ id }) => id));
    for (const memory of [this.#unreachable, this.#primaries])
      for (const id of memory.keys()) if (!known.has(id)) memory.delete(id);
    this.#plan(settleAfter, new Map());
  }

  close(): void {
    this.#round += 1;
    this.#timer?.cancel();
  }

  #plan(delay: number, failed: ReadonlyMap<string, FleetError>): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => void this.#check(failed), delay);
  }

  async #check(failedBefore: ReadonlyMap<string, FleetError>): Promise<void> {
    const round = this.#round;
    const nodes = this.#options
      .topology()
      .nodes.filter((node) => node.state !== "connected" && !this.#justFailed(node));
    const failed = new Map<string, FleetError>();
    await Promise.all(
      nodes.map(async (node) => {
        const error = await this.#dial(node);
        if (error === undefined) this.#unreachable.delete(node.id);
        else failed.set(node.id, error);
      }),
    );
    if (round !== this.#round) return;
    for (const node of nodes) {
      const error = failed.get(node.id);
      if (error === undefined || !failedBefore.has(node.id) || this.#unreachable.has(node.id)) continue;
      this.#unreachable.add(node.id);
      this.#options.onUnreachable(node, error);
    }
    if ([...failed.keys()].some((id) => !this.#unreachable.has(id))) this.#plan(againAfter, failed);
  }

  /** A primary that was just replaced is named as a replica for a while, and is away: that is why it was replaced. */
  #justFailed({ id, role }: TopologyNode): boolean {
    const since = this.#options.clock.monotonic() - (this.#primaries.get(id) ?? Number.NEGATIVE_INFINITY);
    return role !== "primary" && since < formerPrimaryFor;
  }

  /** Why a server would be of no use; one that answers with something that passes will be. */
  async #dial({ host, port, role }: TopologyNode): Promise<FleetError | undefined> {
    const address = { host, port };
    try {
      const connection = await Connection.open(
        this.#options.connect(address, role === "sentinel" ? "sentinel" : "probe"),
      );
      connection.destroy();
      return undefined;
    } catch (error) {
      const { name, message } = error as Error;
      const explained = this.#options.explain(error as Error, address);
      const answers = name === "ReplyError" || message.startsWith("LOADING");
      return answers && explained.retryable ? undefined : explained;
    }
  }
}
