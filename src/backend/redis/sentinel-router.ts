import type { NodeAddress, SentinelConfig } from "../../config/backend-config.js";
import type { Clock, Timer } from "../../core/clock.js";
import { FleetError, UnavailableError } from "../../core/errors.js";
import type { Topology, TopologyNode } from "../backend.js";
import { Breaker } from "./breaker.js";
import type { ConnectionOptions } from "./connection.js";
import { explain } from "./diagnosis.js";
import { addressText, Node, type NodeSettings } from "./node.js";
import type { Router } from "./router.js";
import { SentinelOpinions } from "./sentinel-opinions.js";
import { askSentinel, type SentinelAnswer } from "./sentinel-question.js";
import { SentinelWatcher } from "./sentinel-watcher.js";
import { describeNode } from "./single-router.js";
import { primaryNameOf, sentinelChannels, WriteFence } from "./write-fence.js";

/** What the sentinel router is made of. */
export interface SentinelRouterOptions {
  readonly clock: Clock;
  readonly seeds: readonly NodeAddress[];
  readonly sentinel: SentinelConfig;
  readonly node: NodeSettings;
  /** How to open a connection to a sentinel, for one purpose. */
  readonly connect: (address: NodeAddress, role: "sentinel" | "watch") => ConnectionOptions;
  readonly onFailover: (from: string, to: string) => void;
  readonly onTopology: () => void;
  /** A sentinel does not let us listen: the fence does not hear its word. */
  readonly onUnwatched: (sentinel: string, error: Error) => void;
  /** Writes that were held back may go on. */
  readonly onFenceOpen: () => void;
}

const questionLimit = 1_000;
const whileAway = 500;
const whileSettling = 2_000;
const settles = 10_000;
const whileFine = 15_000;
const atMostEvery = 200;

/**
 * Follows the primary that the sentinels name.
 *
 * All known sentinels are asked at once, and what the newest answers say counts as soon as more than half have answered,
 * so that one which is frozen, cut off or behind neither decides nor delays anything. Their `+switch-master` message only makes us ask; without it we ask every 15 s, and twice a second
 * while the primary, or every sentinel, is away.
 */
export class SentinelRouter implements Router {
  readonly kind = "sentinel" as const;
  readonly breaker: Breaker;
  readonly #options: SentinelRouterOptions;
  readonly #fence: WriteFence;
  #sentinels: ReadonlyMap<string, NodeAddress>;
  /** By the address, with the sentinel's own id where it tells that. */
  readonly #watchers = new Map<string, { readonly watcher: SentinelWatcher; readonly sentinel: string | undefined }>();
  readonly #opinions: SentinelOpinions;
  #primary: Node | undefined;
  #replicas: readonly NodeAddress[] = [];
  #replicaCount: number | undefined;
  #timer: Timer | undefined;
  #asking = false;
  #doubted = false;
  #lastAsk = -Infinity;
  #followedAt = -Infinity;
  #closed = false;
  lastError: Error | undefined;

  constructor(options: SentinelRouterOptions) {
    this.#options = options;
    this.#opinions = new SentinelOpinions(options.clock);
    this.#fence = new WriteFence(options.clock, options.onFenceOpen);
    this.breaker = new Breaker(options.clock, options.node.breakerAfter, () => options.onTopology());
    this.#sentinels = new Map(options.seeds.map((seed) => [addressText(seed), seed]));
    void this.#ask();
  }

  route(): Node | undefined {
    return this.#primary;
  }

  get fenced(): boolean {
    return this.#fence.closed;
  }

  replicasOf(): number | undefined {
    return this.#replicaCount;
  }

  nodeAt(address: NodeAddress): Node {
    return this.#primary ?? this.#follow(address);
  }

  moved(): void {
    this.doubt();
  }

  doubt(): void {
    if (this.#closed) return;
    // What is being asked now may have been answered before whatever raised the doubt.
    this.#doubted = this.#asking;
    if (this.#asking) return;
    this.#plan(Math.max(0, this.#lastAsk + atMostEvery - this.#options.clock.monotonic()));
  }

  routed(): readonly Node[] {
    return this.#primary === undefined ? [] : [this.#primary];
  }

  listenAt(): NodeAddress | undefined {
    return this.#primary?.address;
  }

  topology(): Topology {
    const sentinels: TopologyNode[] = [...this.#sentinels].map(([id, { host, port }]) => ({
      id,
      host,
      port,
      role: "sentinel",
      state: this.#watchers.get(id)?.watcher.connected === true ? "connected" : "not-connected",
    }));
    const primary = this.#primary === undefined ? [] : [describeNode(this.#primary, "primary")];
    const replicas: TopologyNode[] = this.#replicas.map(({ host, port }) => ({
      id: addressText({ host, port }),
      host,
      port,
      role: "replica",
      ...(this.#primary === undefined ? {} : { replicaOf: this.#primary.id }),
      state: "not-connected",
    }));
    return { kind: "sentinel", nodes: [...primary, ...replicas, ...sentinels] };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.breaker.stop();
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#fence.open();
    this.#primary?.close();
  }

  #plan(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => void this.#ask(), delay);
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    this.#lastAsk = this.#options.clock.monotonic();
    const addresses = [...this.#sentinels.values()];
    const heard: SentinelAnswer[] = [];
    const answers = await Promise.all(
      addresses.map(async (address) => {
        try {
          const answer = await askSentinel(
            this.#options.connect(address, "sentinel"),
            this.#options.sentinel.name,
            questionLimit,
          );
          heard.push(answer);
          this.#decideEarly(heard, addresses.length);
          return answer;
        } catch (error) {
          return explain(error as Error, address, "sentinel");
        }
      }),
    );
    this.#asking = false;
    if (this.#closed) return;
    this.#learn(answers);
    const fine = this.lastError === undefined && this.#primary?.connection !== undefined;
    const isSettling = this.#options.clock.monotonic() - this.#followedAt < settles;
    // The sentinels hold the other replicas for away until these follow the new primary too.
    const pause = !fine ? whileAway : isSettling ? whileSettling : whileFine;
    this.#plan(this.#doubted ? atMostEvery : pause);
    this.#doubted = false;
  }

  /** Follows what the first answers allow to be said, without waiting for a sentinel that is frozen or cut off. */
  #decideEarly(heard: readonly SentinelAnswer[], asked: number): void {
    if (this.#closed) return;
    const each = eachOnce(heard);
    for (const answer of each) this.#watch(answer);
    const winner = this.#opinions.early(each, asked);
    if (winner === undefined) return;
    this.lastError = undefined;
    this.breaker.success();
    this.#follow(winner.address);
  }

  #learn(answers: readonly (SentinelAnswer | Error)[]): void {
    const heard = eachOnce(answers.filter((answer): answer is SentinelAnswer => !(answer instanceof Error)));
    if (heard.length > 0) this.#remember(heard);
    for (const answer of heard) this.#watch(answer);
    const winner = this.#opinions.final(heard);
    if (winner === "none") {
      this.lastError = this.#diagnose(heard, answers);
      this.breaker.failure();
      this.#options.onTopology();
      return;
    }
    this.lastError = undefined;
    this.breaker.success();
    if (winner === "behind") return;
    const agreeing = heard.filter(({ primary }) => primary !== undefined && isSame(primary, winner.address));
    // One that was set up a moment ago has yet to find them.
    this.#replicaCount = Math.max(...agreeing.map(({ replicaCount }) => replicaCount));
    // In one order, whichever sentinel tells, so that the topology changes only when the servers do.
    this.#replicas = (agreeing[0]?.replicas ?? [])
      .filter((replica) => !isSame(replica, winner.address))
      .sort((one, other) => addressText(one).localeCompare(addressText(other)));
    this.#follow(winner.address);
    this.#options.onTopology();
  }

  /** Keeps the sentinels that were given, that answer, and that these still know; others are gone for good. */
  #remember(heard: readonly SentinelAnswer[]): void {
    const answering = new Set(heard.map(({ id }) => id));
    const sentinels = new Map(this.#options.seeds.map((seed) => [addressText(seed), seed]));
    for (const { from } of heard) sentinels.set(addressText(from), from);
    for (const { id, address } of heard.flatMap(({ others }) => others)) {
      // One that answers already, by a name perhaps, is not asked by its address as well: it would have two votes.
      if (id === undefined || !answering.has(id)) sentinels.set(addressText(address), address);
    }
    this.#sentinels = sentinels;
    for (const [id, { watcher }] of this.#watchers) {
      if (sentinels.has(id)) continue;
      this.#watchers.delete(id);
      watcher.close();
    }
  }

  #diagnose(heard: readonly SentinelAnswer[], answers: readonly (SentinelAnswer | Error)[]): Error {
    const { name } = this.#options.sentinel;
    const known = [...new Set(heard.flatMap((answer) => answer.names))];
    if (heard.length > 0) {
      return new FleetError(
        "ERR_FLEET_SENTINEL_NO_SUCH_MASTER",
        `the sentinels ${heard.map(({ from }) => addressText(from)).join(", ")} know no primary named ${JSON.stringify(name)}`,
        {
          status: 503,
          help: known.length === 0 ? "they tell of none that they monitor" : `they know: ${known.join(", ")}`,
        },
      );
    }
    const first = answers.find((answer): answer is Error => answer instanceof Error);
    return first ?? new UnavailableError("no sentinel answers");
  }

  #follow(address: NodeAddress): Node {
    const before = this.#primary;
    if (before !== undefined && before.id === addressText(address)) return before;
    const node = new Node(address, this.#options.node);
    this.#primary = node;
    // Closed after the new one is in place: its lost calls are sent again, and must find the new route.
    before?.close();
    if (before !== undefined) {
      this.#followedAt = this.#options.clock.monotonic();
      this.#options.onFailover(before.id, node.id);
    }
    this.#fence.open();
    this.#options.onTopology();
    return node;
  }

  #watch({ from: address, id: sentinel }: SentinelAnswer): void {
    const id = addressText(address);
    const known = this.#watchers.get(id);
    if (known !== undefined) return known.watcher.nudge();
    // One that is known by two addresses is watched by the one that answered first.
    if (sentinel !== undefined && [...this.#watchers.values()].some((other) => other.sentinel === sentinel)) return;
    const watcher = new SentinelWatcher({
      clock: this.#options.clock,
      connect: (): ConnectionOptions => this.#options.connect(address, "watch"),
      channels: sentinelChannels,
      onMessage: (channel, message) => {
        if (primaryNameOf(channel, message) !== this.#options.sentinel.name) return;
        this.#fence.hear(channel);
        if (channel === "+switch-master") this.doubt();
      },
      onLost: () => this.doubt(),
      onRefused: (error) => this.#options.onUnwatched(id, explain(error, address, "sentinel")),
    });
    this.#watchers.set(id, { watcher, sentinel });
  }
}

function isSame(one: NodeAddress, other: NodeAddress): boolean {
  return addressText(one) === addressText(other);
}

/** Without the second answer of a sentinel that is known by two addresses. */
function eachOnce(answers: readonly SentinelAnswer[]): readonly SentinelAnswer[] {
  return answers.filter(
    ({ id }, index) => id === undefined || answers.findIndex((answer) => answer.id === id) === index,
  );
}
