import { afterAll, beforeAll } from "vitest";
import { findServer } from "../support/servers/find-server.js";
import type { Topology } from "../support/servers/topology.js";

/** What docs/topologies.md grants, and the help of a `PermissionError` asks for. */
export const grantedCommands =
  "+get +set +exists +strlen +pttl +pexpire +persist +hget +hset +hdel +hgetall +hsetnx +zadd +zrem +zscore +zrangebylex +zrangebyscore +xadd +xrange +xrevrange +xlen +eval +evalsha +publish +subscribe +unsubscribe +ping +info +time +client|setname";

/** The same, of a cluster alone. */
export const grantedOnCluster = "+cluster|slots +asking";

/** Whether the servers of these tests have access lists: those before 6 have none. */
export async function haveAccessLists(): Promise<boolean> {
  const { product, major } = await findServer();
  return product === "valkey" || major >= 6;
}

/** A user, for the tests of the file or block that calls this, who may do what the docs grant within a namespace, and nothing else. */
export function restrictedUser(
  topology: Topology,
  namespace: string,
): { readonly username: string; readonly password: string } {
  const username = `user-of-${namespace}`;
  const keys = ["resetkeys", `~${namespace}:*`, "resetchannels", `&${namespace}:*`];
  const commands = ["-@all", ...`${grantedCommands} ${grantedOnCluster}`.split(" ")];
  const onEachServer = async (...words: string[]): Promise<void> => {
    await Promise.all(topology.dataServers.map((server) => topology.command(server, "ACL", ...words)));
  };
  beforeAll(() => onEachServer("SETUSER", username, "on", ">pw", ...keys, ...commands));
  afterAll(() => onEachServer("DELUSER", username));
  return { username, password: "pw" };
}
