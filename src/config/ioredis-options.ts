/** What becomes of an option of ioredis when it is met in `REDIS_OPTIONS`. */
export type Treatment =
  /** Read into our own configuration. */
  | { readonly how: "honoured" }
  /** Decided by this library; what is given is not used, and a warning says so. */
  | { readonly how: "managed"; readonly reason: string }
  /** Accepted with this value, which is what we do anyway; any other is refused. */
  | { readonly how: "fixed"; readonly value: unknown; readonly reason: string }
  /** An error, since leaving it out would change what the user gets. */
  | { readonly how: "refused"; readonly reason: string };

const honoured: Treatment = { how: "honoured" };
const managed = (reason: string): Treatment => ({ how: "managed", reason });
const refused = (reason: string): Treatment => ({ how: "refused", reason });
const fixed = (value: unknown, reason: string): Treatment => ({ how: "fixed", value, reason });

const deadlines = "every call has a deadline, and the fleet decides what is sent again";
const reconnecting = "the fleet reconnects by itself, for ever";
const replies = "the fleet reads the replies, not you";
const topology = "the fleet follows the cluster itself";
const sentinels = "the fleet watches the sentinels itself";
const sockets = "the fleet sets up its sockets itself";
const primary = "reads go to the primary: a replica may be behind, which breaks sessions and locks";
const inUrl = "the address belongs in REDIS_URL";
const scripts = "the fleet's client is not shared with your code";

/** Every option of ioredis that is known here, in the order of its own type declarations. */
export const ioredisOptions: Readonly<Record<string, Treatment>> = {
  keyPrefix: honoured,
  showFriendlyErrorStack: managed("errors of the fleet carry their cause"),
  Connector: refused("a connector cannot be given as JSON"),
  retryStrategy: managed(reconnecting),
  commandTimeout: honoured,
  blockingTimeout: managed(deadlines),
  blockingTimeoutGrace: managed(deadlines),
  socketTimeout: managed(deadlines),
  keepAlive: managed(sockets),
  noDelay: managed(sockets),
  connectionName: managed("connections are named by their role and by the fleet's instance"),
  disableClientInfo: managed(sockets),
  clientInfoTag: managed(sockets),
  username: honoured,
  password: honoured,
  db: honoured,
  autoResubscribe: managed("the fleet subscribes again by itself and says what may have been missed"),
  autoResendUnfulfilledCommands: managed(deadlines),
  reconnectOnError: managed(reconnecting),
  readOnly: fixed(false, primary),
  stringNumbers: managed(replies),
  protocol: managed(replies),
  replyMapping: managed(replies),
  connectTimeout: honoured,
  monitor: fixed(false, "a monitoring connection can do nothing else"),
  maxRetriesPerRequest: managed(deadlines),
  maxLoadingRetryTime: managed(deadlines),
  enableAutoPipelining: managed("commands of one tick are written together anyway"),
  autoPipeliningIgnoredCommands: managed("commands of one tick are written together anyway"),
  offlineQueue: managed(deadlines),
  commandQueue: managed(deadlines),
  enableOfflineQueue: managed(deadlines),
  enableReadyCheck: managed(reconnecting),
  lazyConnect: managed("createFleet connects in the background"),
  scripts: refused(scripts),
  himportFieldsets: refused(scripts),
  host: refused(inUrl),
  port: refused(inUrl),
  path: refused(inUrl),
  family: managed("IPv4 and IPv6 are both tried"),
  disconnectTimeout: managed(sockets),
  tls: honoured,
  name: honoured,
  role: fixed("master", primary),
  sentinelUsername: honoured,
  sentinelPassword: honoured,
  sentinels: honoured,
  sentinelRetryStrategy: managed(sentinels),
  sentinelReconnectStrategy: managed(sentinels),
  preferredSlaves: refused(primary),
  sentinelCommandTimeout: managed(sentinels),
  enableTLSForSentinelMode: managed("tls holds for the sentinels and the data nodes alike"),
  sentinelTLS: honoured,
  natMap: honoured,
  updateSentinels: managed(sentinels),
  sentinelMaxConnections: managed(sentinels),
  failoverDetector: managed(sentinels),
  clusterRetryStrategy: managed(reconnecting),
  scaleReads: fixed("master", primary),
  maxRedirections: managed(topology),
  retryDelayOnFailover: managed(topology),
  retryDelayOnClusterDown: managed(topology),
  retryDelayOnTryAgain: managed(topology),
  retryDelayOnMoved: managed(topology),
  slotsRefreshTimeout: managed(topology),
  slotsRefreshInterval: managed(topology),
  shardedSubscribers: managed(topology),
  clusterNodeRetryStrategy: managed(reconnecting),
  redisOptions: honoured,
  useSRVRecords: fixed(false, "SRV records are not looked up"),
  resolveSrv: refused("a function cannot be given as JSON"),
  dnsLookup: refused("a function cannot be given as JSON"),
};
