import type { NodeAddress } from "../../config/backend-config.js";
import type { Reply } from "./connection.js";

/** A server of a cluster as CLUSTER SLOTS names it. */
export interface ViewNode {
  readonly id: string;
  readonly address: NodeAddress;
}

/** A run of slots with the servers that hold it. */
export interface ViewRange {
  readonly from: number;
  readonly to: number;
  readonly primary: ViewNode;
  readonly replicas: readonly ViewNode[];
}

/**
 * Reads the reply of CLUSTER SLOTS.
 *
 * A server that does not know its own address, or is told not to give it, leaves the host empty: then it is the host
 * that was asked. Ranges and replicas come sorted, since each server lists them in an order of its own.
 */
export function parseSlots(reply: Reply, asked: NodeAddress): readonly ViewRange[] {
  if (!Array.isArray(reply)) return [];
  const ranges = reply.flatMap((entry: Reply) => {
    if (!Array.isArray(entry)) return [];
    const [from, to, ...servers] = entry as readonly Reply[];
    const [primary, ...replicas] = servers.flatMap((server) => viewNode(server, asked));
    replicas.sort((one, other) => (one.id < other.id ? -1 : 1));
    return primary === undefined ? [] : [{ from: Number(from), to: Number(to), primary, replicas }];
  });
  return ranges.sort((one, other) => one.from - other.from);
}

function viewNode(server: Reply, asked: NodeAddress): readonly ViewNode[] {
  if (!Array.isArray(server)) return [];
  const [host, port, id] = server as readonly Reply[];
  const known = typeof host === "string" && host !== "" && host !== "?";
  const address = { host: known ? host : asked.host, port: Number(port) };
  return [{ id: typeof id === "string" ? id : `${address.host}:${address.port}`, address }];
}
