import type { ServerAddress } from "./running-topology.js";

/** One line of CLUSTER NODES. */
export interface ClusterNode extends ServerAddress {
  readonly id: string;
  readonly role: "primary" | "replica";
  /** Of a replica. */
  readonly primaryId?: string;
  /** Ranges, both ends included. */
  readonly slots: readonly (readonly [from: number, to: number])[];
  /** Held for failed, or perhaps failed, by the node that was asked. */
  readonly failed: boolean;
}

/** Reads the answer to CLUSTER NODES; nodes in handshake or without an address are left out. */
export function parseClusterNodes(answer: string): ClusterNode[] {
  return answer.split("\n").flatMap((line) => {
    const [id, address, flagList, primaryId, , , , , ...ranges] = line.trim().split(" ");
    if (id === undefined || address === undefined || flagList === undefined) return [];
    const flags = flagList.split(",");
    if (flags.includes("handshake") || flags.includes("noaddr")) return [];
    const colon = address.lastIndexOf(":", address.indexOf("@"));
    const replica = flags.includes("slave");
    return [
      {
        id,
        host: address.slice(0, colon),
        port: Number.parseInt(address.slice(colon + 1), 10),
        role: replica ? "replica" : "primary",
        ...(replica && primaryId !== undefined ? { primaryId } : {}),
        slots: ranges.filter((range) => !range.startsWith("[")).map(parseRange),
        failed: flags.includes("fail") || flags.includes("fail?"),
      } as const,
    ];
  });
}

/** Who serves what and who follows whom, as text to compare the views of two nodes; failed nodes are left out. */
export function slotMap(nodes: readonly ClusterNode[]): string {
  return nodes
    .filter((node) => !node.failed)
    .map(
      ({ host, port, primaryId, slots }) =>
        `${host}:${port} ${primaryId ?? ""} ${slots.map((range) => range.join("-")).join()}`,
    )
    .sort()
    .join("\n");
}

function parseRange(range: string): readonly [number, number] {
  const [from, to = from] = range.split("-").map(Number);
  return [from ?? 0, to ?? 0];
}
