import type { NodeAddress } from "../../config/backend-config.js";
import type { Topology } from "../backend.js";
import type { Breaker } from "./breaker.js";
import { Node, type NodeSettings } from "./node.js";
import type { Router } from "./router.js";

/** One server, or one address behind which somebody else keeps a server. */
export class SingleRouter implements Router {
  readonly kind = "single" as const;
  readonly fenced = false;
  readonly #node: Node;

  constructor(address: NodeAddress, settings: NodeSettings) {
    this.#node = new Node(address, settings);
  }

  get breaker(): Breaker {
    return this.#node.breaker;
  }

  get lastError(): Error | undefined {
    return this.#node.lastError;
  }

  route(): Node {
    return this.#node;
  }

  replicasOf(): "connected" {
    return "connected";
  }

  nodeAt(): Node {
    return this.#node;
  }

  moved(): void {
    // Only a cluster's node redirects; the handshake has refused it, and the node will find out at its next connection.
    this.#node.kill(new Error("the server redirects: it is part of a cluster now"));
  }

  doubt(): void {
    // The address is all there is; its node reconnects by itself.
  }

  routed(): readonly Node[] {
    return [this.#node];
  }

  listenAt(): NodeAddress {
    return this.#node.address;
  }

  topology(): Topology {
    return { kind: "single", nodes: [describeNode(this.#node, "primary")] };
  }

  close(): void {
    this.#node.close();
  }
}

/** A node as `fleet.topology()` shows it. */
export function describeNode(node: Node, role: "primary" | "replica"): Topology["nodes"][number] {
  const { host, port } = node.address;
  const state = node.connection !== undefined ? "connected" : node.breaker.open ? "down" : "connecting";
  return { id: node.id, host, port, role, state };
}
