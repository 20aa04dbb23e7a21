import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { CertificateAuthority, type TlsFiles } from "../support/certificates.js";
import { startCluster } from "../support/servers/cluster.js";
import { findServer, serverSpeaksTls } from "../support/servers/find-server.js";
import { freePort } from "../support/servers/free-port.js";
import type { RunningTopology, ServerAddress } from "../support/servers/running-topology.js";
import { startSentinel } from "../support/servers/sentinel.js";
import { startSingle, type SingleTopology } from "../support/servers/single.js";
import { until } from "../support/until.js";

/** Secrets of the servers, and mistaken ones; none may ever be seen. */
export const secrets = {
  data: "planted-data-password",
  sentinel: "planted-sentinel-password",
  wrong: "planted-wrong-password",
} as const;

const { product, major } = await findServer();

/** What the servers of this machine can do. */
export const abilities = {
  tls: await serverSpeaksTls(),
  /** Access lists. */
  users: product === "valkey" || major >= 6,
  /** Loading as slowly as one likes. */
  slowLoading: product === "valkey" || major >= 7,
} as const;

/** Servers of every kind to be mistaken for another, as "host:port". */
export interface Lab {
  /** Without a password. */
  readonly open: string;
  /** With one. */
  readonly locked: string;
  readonly cluster: string;
  readonly sentinel: string;
  readonly primary: string;
  readonly replica: string;
  /** No other client fits in. */
  readonly full: string;
  readonly loading: string;
  /**
   * These have only a TLS port, and the first three want a client certificate. The certificates of the sentinel and of
   * the cluster are for "localhost", by which they are named here, and not for the address that they announce.
   */
  readonly overTls: Readonly<Record<"single" | "sentinel" | "cluster" | "expired" | "otherName", string>>;
  readonly nobody: string;
  readonly silent: string;
  readonly http: string;
  readonly hangsUp: string;
  readonly protectedMode: string;
  readonly client: TlsFiles;
  readonly expiredClient: TlsFiles;
  readonly foreignClient: TlsFiles;
  /** Private keys, which are secrets too. */
  readonly keys: readonly string[];
  /** How many keys all the data servers hold, in all their databases. */
  keysWritten(): Promise<number>;
  stop(): Promise<void>;
}

const farewell =
  "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user.\r\n";

/** Starts them all. */
export async function openLab(): Promise<Lab> {
  const ends: (() => unknown)[] = [];
  const counted: RunningTopology[] = [];
  const keep: Keep = async (starting, count = true) => {
    const topology = await starting;
    if (count) counted.push(topology);
    ends.push(() => topology.stop());
    return topology;
  };
  const [authority, stranger] = [new CertificateAuthority("authority"), new CertificateAuthority("stranger")];
  ends.push(
    () => authority.remove(),
    () => stranger.remove(),
  );
  const [plain, overTls] = await Promise.all([startPlain(keep), startOverTls(keep, authority)]);
  const listen = (server: Server): Promise<string> => {
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => sockets.add(socket.on("error", ignore)));
    ends.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return listening(server);
  };
  const [client, expiredClient, foreignClient] = [
    authority.write({ name: "client", hosts: [] }),
    authority.write({ name: "expired client", hosts: [], until: yesterday() }),
    { ...stranger.write({ name: "foreign client", hosts: [] }), caFile: authority.caFile },
  ];
  return {
    ...plain,
    overTls,
    nobody: `127.0.0.1:${await freePort()}`,
    silent: await listen(createServer()),
    http: await listen(createHttpServer((_request, response) => response.end("hello"))),
    hangsUp: await listen(createServer((socket) => socket.end())),
    protectedMode: await listen(createServer((socket) => socket.end(farewell))),
    client,
    expiredClient,
    foreignClient,
    keys: [client, expiredClient, foreignClient].map(keyBody),
    keysWritten: async () => {
      const counts = await Promise.all(counted.map(countKeys));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    stop: async () => {
      await Promise.all(ends.map((end) => end()));
    },
  };
}

/** Has servers stopped in the end, and unless told otherwise their keys counted. */
type Keep = <T extends RunningTopology>(starting: Promise<T>, count?: boolean) => Promise<T>;
type Plain = Pick<Lab, "open" | "locked" | "cluster" | "sentinel" | "primary" | "replica" | "full" | "loading">;

async function startPlain(keep: Keep): Promise<Plain> {
  const databases = "databases 4";
  const [open, locked, full, loading, cluster, sentinels] = await Promise.all([
    keep(startSingle({ config: [databases] })),
    keep(startSingle({ config: [databases], password: secrets.data })),
    keep(startSingle({ config: ["maxclients 1"] })),
    // It has keys of its own.
    keep(startLoading(), false),
    keep(startCluster({ primaries: 2, replicas: 0, password: secrets.data })),
    keep(
      startSentinel({
        replicas: 1,
        sentinels: 1,
        config: [databases],
        password: secrets.data,
        sentinelPassword: secrets.sentinel,
      }),
    ),
  ]);
  const { server } = locked;
  const [replica] = await sentinels.replicas();
  if (abilities.users) {
    await server.command("ACL", "SETUSER", "bare", "on", `>${secrets.data}`, "-@all");
    await cluster.processes[0]?.command("ACL", "SETUSER", "bare", "on", `>${secrets.data}`, "-@all");
    const [sentinel] = sentinels.processes.filter(({ role }) => role === "sentinel");
    await sentinel?.command("ACL", "SETUSER", "bare", "on", `>${secrets.sentinel}`, "-@all");
  }
  return {
    open: addressOf(open),
    locked: addressOf(locked),
    cluster: addressOf(cluster),
    sentinel: addressOf(sentinels),
    primary: text(await sentinels.primary()),
    replica: replica === undefined ? "" : text(replica),
    full: addressOf(full),
    loading: addressOf(loading),
  };
}

/** A server that takes seconds to read its data, and is at it. */
async function startLoading(): Promise<SingleTopology> {
  if (!abilities.slowLoading) return startSingle();
  const topology = await startSingle({ config: ["key-load-delay 1000", "loading-process-events-interval-bytes 1024"] });
  const { server } = topology;
  await server.command("EVAL", "for n = 1, 15000 do redis.call('SET', 'key' .. n, n) end", 0);
  await server.command("SAVE");
  // It answers when it is stopped at the latest.
  server.restart().catch(ignore);
  await until(async () => (await server.info("persistence")).get("loading") === "1", { what: "a server to load" });
  return topology;
}

async function startOverTls(keep: Keep, authority: CertificateAuthority): Promise<Lab["overTls"]> {
  if (!abilities.tls) return { single: "", sentinel: "", cluster: "", expired: "", otherName: "" };
  const tls = authority.write({ name: "server" });
  const named = authority.write({ name: "named server", hosts: ["localhost"] });
  const expired = authority.write({ name: "expired server", until: yesterday() });
  const otherName = authority.write({ name: "another server", hosts: ["redis.internal"] });
  const [single, sentinels, cluster, late, another] = await Promise.all([
    keep(startSingle({ tls })),
    keep(startSentinel({ tls: named, replicas: 0, sentinels: 1 })),
    keep(startCluster({ tls: named, primaries: 2, replicas: 0 })),
    keep(startSingle({ tls: { ...expired, clientCertificates: false } })),
    keep(startSingle({ tls: { ...otherName, clientCertificates: false } })),
  ]);
  return {
    single: addressOf(single),
    sentinel: addressOf(sentinels).replace("127.0.0.1", "localhost"),
    cluster: addressOf(cluster).replace("127.0.0.1", "localhost"),
    expired: addressOf(late),
    otherName: addressOf(another),
  };
}

async function countKeys(topology: RunningTopology): Promise<number> {
  const infos = await Promise.all(
    topology.processes.filter(({ role }) => role === "data").map((server) => server.info("keyspace")),
  );
  return infos
    .flatMap((info) => [...info.values()])
    .reduce((sum, line) => sum + Number(/keys=(\d+)/.exec(line)?.[1]), 0);
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return text({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
}

function addressOf(topology: RunningTopology): string {
  return text(topology.config.nodes[0] as ServerAddress);
}

function text({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}

function keyBody({ keyFile }: TlsFiles): string {
  return readFileSync(keyFile, "utf8").split("\n")[1] ?? "";
}

function yesterday(): Date {
  return new Date(Date.now() - 86_400_000);
}

function ignore(): void {
  // What a client that hangs up does to these servers is not what is looked at.
}
