import type { NodeAddress } from "../../config/backend-config.js";
import type { Topology } from "../backend.js";
import type { Breaker } from "./breaker.js";
import type { Copies } from "./group-commit.js";
import type { Node } from "./node.js";

/** Knows which server serves a key now, in one kind of topology. */
export interface Router {
  readonly kind: "single" | "sentinel" | "cluster";
  /** The node to send to; undefined while nobody knows one. */
  route(key: string): Node | undefined;
  /**
   * How many replicas a primary has, those too that are away; undefined while that is not known. `connected`: the topology
   * does not name them, and only the server says how many are connected to it.
   */
  replicasOf(primary: Node): Copies | undefined;
  /** Whether writes are held back because a failover is under way; reads go on. */
  readonly fenced: boolean;
  /** A server that a redirect names. */
  nodeAt(address: NodeAddress): Node;
  /** A server said that it does not serve this slot any more. */
  moved(slot: number, address: NodeAddress): void;
  /** What the router knows may be wrong; it looks again soon, however often this is called. */
  doubt(): void;
  /** Every node that keys are routed to. */
  routed(): readonly Node[];
  /** Judges the search for servers, for calls that have no node. */
  readonly breaker: Breaker;
  /** What is wrong with the search for servers: none is known, or not all that there should be; undefined when all is well. */
  readonly lastError: Error | undefined;
  /** Where to listen to messages, rather not at `left`; undefined while no server is known. */
  listenAt(left: string | undefined): NodeAddress | undefined;
  topology(): Topology;
  close(): void;
}
