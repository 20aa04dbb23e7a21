import type { NodeAddress } from "../../config/backend-config.js";
import { Connection, type ConnectionOptions, type Reply } from "./connection.js";
import { notSentinel } from "./diagnosis.js";

/** What one sentinel says. */
export interface SentinelAnswer {
  readonly from: NodeAddress;
  /** Its own id; undefined when it does not tell (before 6.2, or refused by its access list). */
  readonly id: string | undefined;
  /** Undefined when it monitors nothing under that name. */
  readonly primary: NodeAddress | undefined;
  /** Of the failover that made it the primary; 0 when it does not tell. */
  readonly epoch: number;
  /** The other sentinels that it knows. */
  readonly others: readonly { readonly id: string | undefined; readonly address: NodeAddress }[];
  /** The replicas of the primary that it knows and holds for well. */
  readonly replicas: readonly NodeAddress[];
  /** How many replicas it knows, those too that are away. */
  readonly replicaCount: number;
  /** The names that it does monitor, asked for only when ours is not among them. */
  readonly names: readonly string[];
}

/** Asks one sentinel, over a connection of its own that ends with the answer, within `limit` milliseconds. */
export async function askSentinel(options: ConnectionOptions, name: string, limit: number): Promise<SentinelAnswer> {
  const connection = await Connection.open({ ...options, timeout: Math.min(options.timeout, limit) });
  const timer = setTimeout(() => connection.destroy(new Error(`no answer within ${limit} ms`)), limit);
  try {
    const address = connection.send("sentinel", ["get-master-addr-by-name", name]);
    const sentinels = connection.send("sentinel", ["sentinels", name]).catch(() => []);
    const master = connection.send("sentinel", ["master", name]).catch(() => []);
    const replicas = connection.send("sentinel", ["replicas", name]).catch(() => []);
    const id = connection.send("sentinel", ["myid"]).catch(() => undefined);
    const [host, port] = pair(await address);
    const primary = host === undefined ? undefined : { host, port: Number(port) };
    const names = primary === undefined ? await connection.send("sentinel", ["masters"]).catch(() => []) : [];
    return {
      from: options.address,
      id: (await id)?.toString(),
      primary,
      epoch: Number(records([await master])[0]?.get("config-epoch") ?? 0),
      others: records(await sentinels).flatMap((other) => {
        const ip = other.get("ip");
        return ip === undefined
          ? []
          : [{ id: other.get("runid"), address: { host: ip, port: Number(other.get("port")) } }];
      }),
      replicas: records(await replicas).flatMap((replica) => {
        const ip = replica.get("ip");
        const isAway = /s_down|o_down|disconnected/.test(replica.get("flags") ?? "");
        return ip === undefined || isAway ? [] : [{ host: ip, port: Number(replica.get("port")) }];
      }),
      replicaCount: records(await replicas).length,
      names: records(names).flatMap((master) => master.get("name") ?? []),
    };
  } catch (error) {
    if (error instanceof Error && /^ERR unknown command/i.test(error.message))
      throw notSentinel(connection.info, options.address, error);
    throw error;
  } finally {
    clearTimeout(timer);
    connection.destroy();
  }
}

function pair(reply: Reply): readonly [string | undefined, string | undefined] {
  if (!Array.isArray(reply)) return [undefined, undefined];
  return [String(reply[0]), String(reply[1])];
}

/** Sentinel lists records as flat lists of field and value. */
function records(reply: Reply): readonly ReadonlyMap<string, string>[] {
  if (!Array.isArray(reply)) return [];
  return reply.map((flat: Reply) => {
    const fields = new Map<string, string>();
    if (Array.isArray(flat)) {
      for (let index = 0; index + 1 < flat.length; index += 2) fields.set(String(flat[index]), String(flat[index + 1]));
    }
    return fields;
  });
}
