import type { NodeAddress } from "../../config/backend-config.js";
import type { Clock, Timer } from "../../core/clock.js";
import { withDeadline } from "../../core/deadline.js";
import { UnavailableError } from "../../core/errors.js";
import type { Topology, TopologyNode } from "../backend.js";
import { Breaker } from "./breaker.js";
import { parseSlots, type ViewRange } from "./cluster-view.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { explain, refusal } from "./diagnosis.js";
import { addressText, Node, type NodeSettings } from "./node.js";
import type { Router } from "./router.js";
import { describeNode } from "./single-router.js";
import { slotCount, slotOf } from "./slot.js";

/** What the cluster router is made of. */
export interface ClusterRouterOptions {
  readonly clock: Clock;
  readonly seeds: readonly NodeAddress[];
  readonly node: NodeSettings;
  /** How to open a connection that only asks for the slots and ends. */
  readonly connect: (address: NodeAddress) => ConnectionOptions;
  readonly onFailover: (from: string, to: string) => void;
  readonly onTopology: () => void;
}

const questionLimit = 2_000;
const whileAway = 500;
const whileSettling = 2_000;
const settles = 10_000;
const whileFine = 15_000;
const atMostEvery = 200;
const lingerAfterLeaving = 10_000;

/**
 * Knows which primary serves which slot, from CLUSTER SLOTS of any node that answers.
 *
 * It looks again every 15 s, twice a second while a primary is away or a slot is not served, every two seconds for a
 * while after a change, and soon after a redirect. A single MOVED corrects its own slot at once. The nodes known last are asked beside
 * the seeds, so that a cluster whose addresses all changed, or whose seeds are gone, is found again.
 */
export class ClusterRouter implements Router {
  readonly kind = "cluster" as const;
  readonly fenced = false;
  readonly breaker: Breaker;
  readonly #options: ClusterRouterOptions;
  readonly #slots = new Array<Node | undefined>(slotCount).fill(undefined);
  readonly #nodes = new Map<string, { readonly node: Node; leftAt: number | undefined }>();
  #view: readonly ViewRange[] = [];
  #timer: Timer | undefined;
  #refreshing = false;
  #doubted = false;
  #lastRefresh = -Infinity;
  #changedAt = -Infinity;
  // Another start in each instance, so that they do not all ask the same server.
  #asked = Math.floor(Math.random() * slotCount);
  #closed = false;
  lastError: Error | undefined;

  constructor(options: ClusterRouterOptions) {
    this.#options = options;
    this.breaker = new Breaker(options.clock, options.node.breakerAfter, () => options.onTopology());
    void this.#refresh();
  }

  route(key: string): Node | undefined {
    return this.#slots[slotOf(key)];
  }

  replicasOf(primary: Node): number | undefined {
    return this.#view.find((range) => addressText(range.primary.address) === primary.id)?.replicas.length;
  }

  nodeAt(address: NodeAddress): Node {
    const id = addressText(address);
    let entry = this.#nodes.get(id);
    if (entry === undefined) {
      entry = { node: new Node(address, this.#options.node), leftAt: undefined };
      this.#nodes.set(id, entry);
    }
    // A server that a redirect names may own no slot yet, and must outlive the next refresh.
    if (entry.leftAt !== undefined || !this.#routes(entry.node)) entry.leftAt = this.#options.clock.monotonic();
    return entry.node;
  }

  moved(slot: number, address: NodeAddress): void {
    this.#slots[slot] = this.nodeAt(address);
    this.doubt();
  }

  doubt(): void {
    if (this.#closed) return;
    // What is being asked now may have been answered before whatever raised the doubt.
    this.#doubted = this.#refreshing;
    if (this.#refreshing) return;
    const wait = Math.max(0, this.#lastRefresh + atMostEvery - this.#options.clock.monotonic());
    this.#plan(wait);
  }

  routed(): readonly Node[] {
    return [...new Set(this.#view.map((range) => addressText(range.primary.address)))].flatMap(
      (id) => this.#nodes.get(id)?.node ?? [],
    );
  }

  listenAt(left: string | undefined): NodeAddress | undefined {
    // Messages reach every node of a cluster; at random, so that the processes of a fleet spread over the servers.
    const known = this.routed();
    const connected = known.filter(({ connection }) => connection !== undefined);
    const others = connected.filter(({ id }) => id !== left);
    const choice = [others, connected, known].find(({ length }) => length > 0) ?? [];
    return choice[Math.floor(Math.random() * choice.length)]?.address;
  }

  topology(): Topology {
    const nodes = new Map<string, TopologyNode>();
    for (const { from, to, primary, replicas } of this.#view) {
      const node = this.#nodes.get(addressText(primary.address))?.node;
      const before = nodes.get(primary.id);
      const slots = [...(before?.slots ?? []), [from, to] as const];
      const shown = node === undefined ? notConnected(primary.address) : describeNode(node, "primary");
      nodes.set(primary.id, { ...shown, id: primary.id, role: "primary", slots });
      for (const replica of replicas) {
        nodes.set(replica.id, {
          ...notConnected(replica.address),
          id: replica.id,
          role: "replica",
          replicaOf: primary.id,
        });
      }
    }
    return { kind: "cluster", nodes: [...nodes.values()] };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.breaker.stop();
    for (const { node } of this.#nodes.values()) node.close();
  }

  #routes(node: Node): boolean {
    return this.#slots.includes(node);
  }

  #plan(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => void this.#refresh(), delay);
  }

  async #refresh(): Promise<void> {
    if (this.#closed || this.#refreshing) return;
    this.#refreshing = true;
    this.#lastRefresh = this.#options.clock.monotonic();
    const view = await this.#ask().catch((error: Error) => {
      this.lastError = error;
      return undefined;
    });
    this.#refreshing = false;
    if (this.#closed) return;
    if (view !== undefined) this.#apply(view);
    // A slot that nobody serves is a failed search too: without an end its calls would each wait their whole time.
    if (this.lastError === undefined) this.breaker.success();
    else this.breaker.failure();
    this.#options.onTopology();
    const connected = this.routed().every((node) => node.connection !== undefined);
    const fine = this.lastError === undefined && connected;
    // Servers learn of a change from each other: one that was asked early may have told half of it, or what was before.
    // Spread over a fifth, so that the instances of a fleet do not ask in step.
    const isSettling = this.#options.clock.monotonic() - this.#changedAt < settles;
    // Replicas come back, and slots move on, after the first word of a change.
    const atRest = isSettling ? whileSettling : whileFine * (0.9 + 0.2 * Math.random());
    const pause = fine ? atRest : whileAway;
    this.#plan(this.#doubted ? atMostEvery : pause);
    this.#doubted = false;
  }

  /** Asks owners of slots that are connected, another one first each time, then every address that is known, all at once. */
  async #ask(): Promise<readonly ViewRange[]> {
    // Not those that own nothing any more: one that was cut off from the others would go on telling what was before.
    const connected = [...this.#nodes.values()].flatMap(({ node, leftAt }) =>
      leftAt === undefined && node.connection !== undefined ? [node] : [],
    );
    this.#asked += 1;
    const start = connected.length === 0 ? 0 : this.#asked % connected.length;
    for (const node of [...connected.slice(start), ...connected.slice(0, start)].slice(0, 2)) {
      const { connection } = node;
      if (connection === undefined) continue;
      const view = await this.#slotsFrom(connection, node.address).catch(() => []);
      if (view.length > 0) return view;
    }
    const addresses = new Map(this.#options.seeds.map((seed) => [addressText(seed), seed]));
    for (const { primary, replicas } of this.#view) {
      for (const { address } of [primary, ...replicas]) addresses.set(addressText(address), address);
    }
    const failures: Error[] = [];
    const attempts = [...addresses.values()].map((address) =>
      this.#dial(address).catch((error: Error) => {
        failures.push(explain(error, address));
        throw error;
      }),
    );
    return Promise.any(attempts).catch(() => {
      // A mistake that waiting does not mend explains more than the servers that are merely away.
      throw failures.find((failure) => (failure as { retryable?: boolean }).retryable === false) ?? failures[0];
    });
  }

  async #dial(address: NodeAddress): Promise<readonly ViewRange[]> {
    const connection = await Connection.open(this.#options.connect(address));
    try {
      const wrong = connection.info === undefined ? undefined : refusal("cluster", connection.info, address);
      if (wrong !== undefined) throw wrong;
      const view = await this.#slotsFrom(connection, address);
      if (view.length === 0) throw new UnavailableError(`${addressText(address)} knows of no slots yet`);
      return view;
    } finally {
      connection.destroy();
    }
  }

  async #slotsFrom(connection: Connection, asked: NodeAddress): Promise<readonly ViewRange[]> {
    const reply = await withDeadline(
      connection.send("cluster", ["slots"]),
      questionLimit,
      this.#options.clock,
      () => new UnavailableError(`${addressText(asked)} did not tell its slots within ${questionLimit} ms`),
    );
    return parseSlots(reply, asked);
  }

  #apply(view: readonly ViewRange[]): void {
    const before = this.#view;
    const changed = JSON.stringify(before) !== JSON.stringify(view);
    this.#view = view;
    const owners = new Set<string>();
    this.#slots.fill(undefined);
    for (const { from, to, primary } of view) {
      const id = addressText(primary.address);
      owners.add(id);
      this.#slots.fill(this.#owner(id, primary.address), from, to + 1);
    }
    this.#retire(owners);
    this.lastError = this.#slots.includes(undefined)
      ? new UnavailableError("some slots are served by nobody")
      : undefined;
    if (changed) {
      if (before.length > 0) this.#changedAt = this.#options.clock.monotonic();
      for (const [from, to] of promotions(before, view)) this.#options.onFailover(from, to);
    }
  }

  #owner(id: string, address: NodeAddress): Node {
    const known = this.#nodes.get(id);
    if (known !== undefined) {
      known.leftAt = undefined;
      return known.node;
    }
    const node = new Node(address, this.#options.node);
    this.#nodes.set(id, { node, leftAt: undefined });
    return node;
  }

  /** Lets go of nodes that own nothing any more, after a while in which redirects and late replies still use them. */
  #retire(owners: ReadonlySet<string>): void {
    const now = this.#options.clock.monotonic();
    for (const [id, entry] of this.#nodes) {
      if (owners.has(id)) continue;
      entry.leftAt ??= now;
      if (now - entry.leftAt < lingerAfterLeaving) continue;
      this.#nodes.delete(id);
      entry.node.close();
    }
  }
}

function notConnected(address: NodeAddress): TopologyNode {
  const id = addressText(address);
  return { id, host: address.host, port: address.port, role: "unknown", state: "not-connected" };
}

/** Pairs of a primary and the replica of it that serves its slots now. */
function promotions(before: readonly ViewRange[], after: readonly ViewRange[]): readonly (readonly [string, string])[] {
  const successors = new Map<string, string>();
  for (const { primary, replicas } of before) {
    for (const replica of replicas) {
      if (after.some((range) => range.primary.id === replica.id))
        successors.set(addressText(primary.address), addressText(replica.address));
    }
  }
  return [...successors];
}
