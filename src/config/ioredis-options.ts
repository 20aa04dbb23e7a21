import dns from "node:dns";

/** What becomes of an option of ioredis, in `REDIS_OPTIONS` or in a client. */
export type Treatment =
  /** Read into our own configuration; `standard` is what a client has that was given nothing. */
  | { readonly how: "honoured"; readonly standard?: unknown }
  /** The server of a client; elsewhere refused, since the address is named in another place. */
  | { readonly how: "address" }
  /** Decided by this library: what differs from ioredis' own defaults is not used, and a warning says so. */
  | { readonly how: "managed"; readonly reason: string; readonly defaults: readonly unknown[] }
  /** Accepted with this value, which is what we do anyway; any other is refused. */
  | { readonly how: "fixed"; readonly value: unknown; readonly reason: string }
  /** An error, since leaving it out would change what the user gets. */
  | { readonly how: "refused"; readonly reason: string };

/** A function that ioredis gives a client itself, by its text without space: it exports none of them. */
interface KnownFunction {
  readonly source: string;
}

const honoured: Treatment = { how: "honoured" };
const address: Treatment = { how: "address" };
const managed = (reason: string, ...defaults: readonly unknown[]): Treatment => ({ how: "managed", reason, defaults });
const refused = (reason: string): Treatment => ({ how: "refused", reason });
const fixed = (value: unknown, reason: string): Treatment => ({ how: "fixed", value, reason });
const known = (source: string): KnownFunction => ({ source });

const deadlines = "every call has a deadline, and the fleet decides what is sent again";
const reconnecting = "the fleet reconnects by itself, for ever";
const replies = "the fleet reads the replies, not you";
const topology = "the fleet follows the cluster itself";
const sentinels = "the fleet watches the sentinels itself";
const sockets = "the fleet sets up its sockets itself";
const primary = "reads go to the primary: a replica may be behind, which breaks sessions and locks";
const ownClient = "they stay with your own client, whose connection the fleet never uses";
const batches = "commands of one tick are written together anyway";
const lookups = "names are looked up by the system, and certificates are checked against them; addressMap translates";

/** Every option of ioredis 5.11 to 6 that is known here, in the order of its own type declarations. */
export const ioredisOptions: Readonly<Record<string, Treatment>> = {
  keyPrefix: honoured,
  showFriendlyErrorStack: managed("errors of the fleet carry their cause", false),
  Connector: refused("the fleet makes its connections itself"),
  retryStrategy: managed(
    reconnecting,
    known(
      "function(times){constjitter=Math.floor(Math.random()*200);constdelay=Math.min(Math.pow(2,times-1)*50,5000);returndelay+jitter;}",
    ),
    known("function(times){returnMath.min(times*50,2000);}"),
  ),
  commandTimeout: honoured,
  blockingTimeout: managed(deadlines, 0),
  blockingTimeoutGrace: managed(deadlines, 100),
  socketTimeout: managed(deadlines),
  keepAlive: managed(sockets, 0, 30_000),
  noDelay: managed(sockets, true),
  connectionName: managed("connections are named by their role and by the fleet's instance", null),
  disableClientInfo: managed(sockets, false),
  clientInfoTag: managed(sockets),
  username: honoured,
  password: honoured,
  db: honoured,
  autoResubscribe: managed("the fleet subscribes again by itself and says what may have been missed", true),
  autoResendUnfulfilledCommands: managed(deadlines, true),
  reconnectOnError: managed(reconnecting, null),
  readOnly: fixed(false, primary),
  stringNumbers: managed(replies, false),
  protocol: managed(replies, 3),
  replyMapping: managed(replies, "legacy"),
  connectTimeout: { how: "honoured", standard: 10_000 },
  monitor: fixed(false, "a monitoring connection can do nothing else"),
  maxRetriesPerRequest: managed(deadlines, 20),
  maxLoadingRetryTime: managed(deadlines, 10_000),
  enableAutoPipelining: managed(batches, false),
  autoPipeliningIgnoredCommands: managed(batches, []),
  offlineQueue: managed(deadlines),
  commandQueue: managed(deadlines),
  enableOfflineQueue: managed(deadlines, true),
  enableReadyCheck: managed(reconnecting, true),
  lazyConnect: managed("createFleet connects in the background", false),
  scripts: managed(ownClient),
  himportFieldsets: managed(ownClient, []),
  host: address,
  port: address,
  path: address,
  family: managed("IPv4 and IPv6 are both tried", 0),
  disconnectTimeout: managed(sockets, 2000),
  tls: honoured,
  name: honoured,
  role: fixed("master", primary),
  sentinelUsername: honoured,
  sentinelPassword: honoured,
  sentinels: honoured,
  sentinelRetryStrategy: managed(sentinels, known("function(times){returnMath.min(times*10,1000);}")),
  sentinelReconnectStrategy: managed(sentinels, known("function(){return60000;}")),
  preferredSlaves: refused(primary),
  sentinelCommandTimeout: managed(sentinels),
  // With true a client does what the fleet does anyway.
  enableTLSForSentinelMode: managed("tls holds for the sentinels and the data nodes alike", false, true),
  sentinelTLS: honoured,
  natMap: honoured,
  updateSentinels: managed(sentinels, true),
  sentinelMaxConnections: managed(sentinels, 10),
  failoverDetector: managed(sentinels, false),
  clusterRetryStrategy: managed(reconnecting, known("(times)=>Math.min(100+times*2,2000)")),
  scaleReads: fixed("master", primary),
  maxRedirections: managed(topology, 16),
  retryDelayOnFailover: managed(topology, 100),
  retryDelayOnClusterDown: managed(topology, 100),
  retryDelayOnTryAgain: managed(topology, 100),
  retryDelayOnMoved: managed(topology, 0),
  slotsRefreshTimeout: managed(topology, 1000),
  slotsRefreshInterval: managed(topology),
  shardedSubscribers: managed(topology, false),
  clusterNodeRetryStrategy: managed(reconnecting, null),
  redisOptions: honoured,
  useSRVRecords: fixed(false, "SRV records are not looked up"),
  resolveSrv: managed("SRV records are not looked up", dns.resolveSrv),
  dnsLookup: managed(lookups, dns.lookup),
};

/** Whether an option's value is one that ioredis gives a client by itself. */
export function isDefault(defaults: readonly unknown[], value: unknown): boolean {
  if (value === undefined || defaults.includes(value)) return true;
  if (Array.isArray(value)) return value.length === 0 && defaults.some(Array.isArray);
  if (typeof value !== "function") return false;
  const source = Function.prototype.toString
    .call(value)
    .replace(/\/\/.*$/gm, "")
    .replace(/\s/g, "")
    // Bundlers write 2000 as 2e3.
    .replace(/\d+e\d+/g, (number) => String(Number(number)));
  return defaults.some((one) => (one as Partial<KnownFunction> | null)?.source === source);
}
