import type { Clock, Timer } from "../../core/clock.js";
import { PermissionError } from "../../core/errors.js";
import { NotReplicatedError } from "../not-replicated-error.js";
import type { ScriptReply } from "../script.js";
import type { Connection } from "./connection.js";
import type { SignIn } from "./credentials.js";
import { GroupCommit, type Copies } from "./group-commit.js";
import { Node, type NodeSettings } from "./node.js";
import type { Lane } from "./request.js";

/** What one call asks of replicas. */
export interface Durability {
  /** The call's name, for errors. */
  readonly name: string;
  readonly replicas: "all" | number;
  /** Milliseconds to wait for them. */
  readonly within: number;
  /** The end of the call, on the monotonic clock. */
  readonly until: number;
}

export interface DurableLanesOptions {
  readonly clock: Clock;
  /** For the lanes' own connections. */
  readonly node: NodeSettings;
  /** How many replicas a primary has; undefined while that is not known. */
  readonly replicasOf: (owner: Node) => Copies | undefined;
  /** A line for the help of a `PermissionError`. */
  readonly acl: string;
  /** Calls that wait look again. */
  readonly onFree: () => void;
}

const idleFor = 30_000;
// The reply of WAIT comes back within the call's deadline, which would otherwise say less than is known.
const replyMargin = 50;

/**
 * Keeps for each primary that durable calls go to a connection of its own, since WAIT blocks the one it is sent on: opened
 * with the first call, closed when there was none for 30 s.
 */
export class DurableLanes {
  readonly #options: DurableLanesOptions;
  readonly #lanes = new Map<Node, DurableLane>();

  constructor(options: DurableLanesOptions) {
    this.#options = options;
  }

  /** The way of one call, to whichever primary it turns out to go. */
  way(durability: Durability): (owner: Node) => Lane {
    return (owner) => {
      const lane = this.#of(owner);
      const { replicas } = durability;
      const known = replicas === "all" ? this.#options.replicasOf(owner) : replicas;
      // A primary without a replica keeps nothing durable: at least one is asked for.
      const copies = typeof known === "number" && replicas === "all" ? Math.max(1, known) : known;
      return {
        node: lane.node,
        connection: copies === undefined ? undefined : lane.connection,
        run: (send) => lane.run(send, copies ?? 1, durability),
      };
    };
  }

  /** Ends the lanes to servers that are not used any more, so that what they owe is sent to their successors. */
  sweep(): void {
    for (const [owner, lane] of this.#lanes) {
      if (owner.closed) this.#end(owner, lane);
    }
  }

  /** The credentials have changed. */
  signInAnew(signIn: SignIn): void {
    for (const { node } of this.#lanes.values()) node.signInAnew(signIn);
  }

  close(): void {
    for (const [owner, lane] of this.#lanes) this.#end(owner, lane);
  }

  #of(owner: Node): DurableLane {
    let lane = this.#lanes.get(owner);
    if (lane === undefined) {
      const onIdle = (idle: DurableLane): void => {
        this.#end(owner, idle);
        // A call whose server has been away for as long as that goes on waiting with a new lane.
        this.#options.onFree();
      };
      lane = new DurableLane(owner, this.#options, onIdle);
      this.#lanes.set(owner, lane);
    }
    lane.use();
    return lane;
  }

  #end(owner: Node, lane: DurableLane): void {
    this.#lanes.delete(owner);
    lane.close();
  }
}

/** The lane to one primary. */
class DurableLane {
  readonly node: Node;
  readonly #options: DurableLanesOptions;
  readonly #onIdle: (lane: DurableLane) => void;
  #group: GroupCommit | undefined;
  #usedAt = 0;
  #timer: Timer | undefined;

  constructor(owner: Node, options: DurableLanesOptions, onIdle: (lane: DurableLane) => void) {
    this.node = new Node(owner.address, options.node);
    this.#options = options;
    this.#onIdle = onIdle;
    this.#plan(idleFor);
  }

  /** The connection, while no WAIT blocks it. */
  get connection(): Connection | undefined {
    const { connection } = this.node;
    return this.#group?.connection === connection && this.#group?.free === false ? undefined : connection;
  }

  use(): void {
    this.#usedAt = this.#options.clock.monotonic();
  }

  async run<T>(send: () => Promise<T>, copies: Copies, durability: Durability): Promise<T> {
    const sentAt = this.#options.clock.monotonic();
    const within = Math.min(durability.within, durability.until - sentAt - replyMargin);
    const { reply, asked, had } = await this.#groupNow().run(send, copies, within);
    if (had >= asked) return reply;
    const waited = Math.round(this.#options.clock.monotonic() - sentAt);
    throw new NotReplicatedError(
      `${this.node.id} has carried out ${durability.name}, and after ${waited} ms ${had} of ${asked} replicas have it`,
      reply as ScriptReply,
    );
  }

  close(): void {
    this.#timer?.cancel();
    this.node.close();
  }

  #groupNow(): GroupCommit {
    const connection = this.node.connection as Connection;
    if (this.#group?.connection !== connection) {
      this.#group = new GroupCommit({
        connection,
        clock: this.#options.clock,
        refused: (error) => this.#refused(error),
        onFree: this.#options.onFree,
      });
    }
    return this.#group;
  }

  #refused(error: Error): PermissionError {
    return new PermissionError(`${this.node.id} does not allow wait: ${error.message}`, {
      cause: error,
      executed: "yes",
      help: this.#options.acl,
    });
  }

  #plan(delay: number): void {
    this.#timer = this.#options.clock.setTimeout(() => this.#look(), delay);
  }

  #look(): void {
    const rest = this.#usedAt + idleFor - this.#options.clock.monotonic();
    if (rest > 0) this.#plan(rest);
    else if (this.#group?.pending === true) this.#plan(idleFor);
    else this.#onIdle(this);
  }
}
