import { freePort } from "../support/servers/free-port.js";
import { RedisProcess } from "../support/servers/redis-process.js";
import { addressOf } from "../support/servers/running-topology.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { until } from "../support/until.js";
import { type Drill, type DrillResult, whileLoadRuns } from "./drill.js";
import { FleetUnderLoad } from "./fleet-under-load.js";
import { judge, recovery } from "./verdict.js";

const before = 1_500;
// Longer than the deadline of a call: one that stays with the old server fails, before the roles change again.
const after = 9_000;
const between = 1_000;

/**
 * How the operator's tool goes about it.
 *
 * - `cut`: the old primary is made a replica, the other promoted, then the proxy ends old connections and leads to the other.
 * - `stay`: the same, but connections to the old server stay until their clients end them.
 * - `promoted-first`: the replica is promoted while the old primary goes on acknowledging, which is made its replica only
 *   two seconds later. Whatever was acknowledged meanwhile is thrown away, and no client can know: it is reported, not judged.
 */
export type Move = "cut" | "stay" | "promoted-first";

const about: Readonly<Record<Move, string>> = {
  cut: "the primary behind one address is demoted, its replica promoted, and the proxy moves all connections",
  stay: "the primary behind one address is demoted, its replica promoted, and the proxy moves only new connections",
  "promoted-first":
    "the replica behind one address is promoted 2 s before the primary is demoted, which goes on acknowledging",
};

/** One address before a primary and its replica, as of HAProxy or a service; no sentinel, and the old primary lives on. */
export function addressMoves(move: Move): Drill {
  const name = `address-moves-${move}`;
  return {
    name,
    about: about[move],
    proves:
      move === "cut"
        ? "a call that is lost, or answered with READONLY, is sent again until the address leads to a primary"
        : "READONLY ends the connection to a server that is a replica now",
    async run({ faults }): Promise<DrillResult> {
      let primary = await RedisProcess.start();
      let replica = await RedisProcess.start({ config: [`replicaof ${primary.host} ${primary.port}`] });
      const proxy = await TcpProxy.start({ target: primary, protocol: "bytes" });
      const load = await FleetUnderLoad.start({ kind: "single", nodes: [addressOf(proxy)] });
      try {
        await inSync(primary, replica);
        for (let turn = 0; turn < faults; turn += 1) {
          await whileLoadRuns(before);
          await switchOver[move](primary, replica, proxy);
          [primary, replica] = [replica, primary];
          await whileLoadRuns(after);
          await inSync(primary, replica);
        }
        const mayLose = move === "promoted-first";
        return judge(await load.settle(), { name, faults, longestWait: recovery.fault, mayLose });
      } finally {
        await load.stop();
        await proxy.stop();
        await Promise.all([primary.stop(), replica.stop()]);
      }
    },
  };
}

type SwitchOver = (primary: RedisProcess, replica: RedisProcess, proxy: TcpProxy) => Promise<void>;

const switchOver: Readonly<Record<Move, SwitchOver>> = {
  async cut(primary, replica, proxy) {
    await demoteThenPromote(primary, replica);
    await whileLoadRuns(between);
    proxy.switchTo(replica);
    proxy.cut();
  },
  async stay(primary, replica, proxy) {
    await demoteThenPromote(primary, replica);
    await whileLoadRuns(between);
    proxy.switchTo(replica);
  },
  async "promoted-first"(primary, replica, proxy) {
    await replica.command("REPLICAOF", "NO", "ONE");
    await whileLoadRuns(between);
    proxy.switchTo(replica);
    await whileLoadRuns(between);
    await primary.command("REPLICAOF", replica.host, replica.port);
  },
};

/** From the first command on the old primary takes no write, and the other is promoted only when it has all of them. */
async function demoteThenPromote(primary: RedisProcess, replica: RedisProcess): Promise<void> {
  // To follow nobody at first: a primary that follows a replica behind it throws away what that has not received.
  await primary.command("REPLICAOF", primary.host, await freePort());
  await until(async () => (await offsetOf(primary)) === (await offsetOf(replica)), {
    what: "the replica to have every write",
  });
  await replica.command("REPLICAOF", "NO", "ONE");
  await primary.command("REPLICAOF", replica.host, replica.port);
}

async function offsetOf(server: RedisProcess): Promise<string | undefined> {
  return (await server.info("replication")).get("master_repl_offset");
}

async function inSync(primary: RedisProcess, replica: RedisProcess): Promise<void> {
  await until(
    async () => {
      const state = await replica.info("replication");
      return state.get("master_port") === String(primary.port) && state.get("master_link_status") === "up";
    },
    { what: "the replica to follow the primary" },
  );
}
