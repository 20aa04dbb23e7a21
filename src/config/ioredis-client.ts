import { type Address, addressTarget } from "./address.js";
import type { NodeAddress } from "./backend-config.js";
import type { IoredisSnapshot } from "./from-ioredis.js";
import { IoredisReader } from "./ioredis-reader.js";
import { fromNodeTls } from "./ioredis-tls.js";
import { isRecord, readNodeObject } from "./node-entry.js";
import type { BackendPlace } from "./option-place.js";
import type { Report } from "./problems.js";
import { readNodeList } from "./redis-address.js";
import { Settings, type Target } from "./settings.js";

type Options = Readonly<Record<string, unknown>>;

/** Reads the options of a client of ioredis as a backend; all that they say belongs to its address. */
export function readIoredisClient(client: IoredisSnapshot, place: BackendPlace, report: Report): Target | undefined {
  const carried = new Settings();
  const reader = new IoredisReader({ from: "client", settings: carried, origin: place.origin("options"), report });
  // A client that only lends its options is best made with lazyConnect, which says nothing of its server.
  const { lazyConnect: _lazyConnect, ...options } = client.options;
  const { startupNodes } = client;
  const target =
    startupNodes === undefined
      ? readRedis(options, reader, place, report)
      : readCluster(options, startupNodes, reader, place, report);
  if (place.isRoom && carried.get("namespace") !== undefined)
    reader.manage("keyPrefix", "the namespace is that of the fleet, for all its rooms");
  reader.finish();
  if (target === undefined) return undefined;
  carried.claimAll(target.carried, report);
  return { ...target, carried };
}

function readRedis(options: Options, reader: IoredisReader, place: BackendPlace, report: Report): Target | undefined {
  const { host, port, path, ...rest } = options;
  reader.read(rest);
  const [origin, carried] = [place.origin(), new Settings()];
  if (reader.sentinels !== undefined) {
    checkSentinelTls(rest, reader, place, report);
    return reader.sentinels.length === 0
      ? undefined
      : { backend: { kind: "sentinel", nodes: reader.sentinels }, origin, carried };
  }
  const node = readServer(path === undefined || path === null ? { host, port } : { path }, place, report);
  return node === undefined ? undefined : { backend: { kind: "single", nodes: [node] }, origin, carried };
}

function readServer(server: Options, place: BackendPlace, report: Report): NodeAddress | undefined {
  return readNodeObject(server, { origin: place.origin(), where: place.name("options"), defaultPort: 6379 }, report);
}

/** In ioredis the two are switched apart, and data nodes are spoken to in the clear unless both are; here they are one. */
function checkSentinelTls(options: Options, reader: IoredisReader, place: BackendPlace, report: Report): void {
  const { tls, sentinelTLS, enableTLSForSentinelMode } = options;
  if (tls === undefined || tls === null || tls === false) return;
  if (enableTLSForSentinelMode !== true) {
    const reason =
      "without it your client speaks to the data nodes in the clear, whatever tls says; the fleet uses TLS";
    reader.manage("enableTLSForSentinelMode", reason);
  } else if (sentinelTLS === undefined || sentinelTLS === null) {
    report.problem(
      "ERR_FLEET_CONFIG_TLS_MIXED",
      `${place.name("options")} has tls for the data nodes and none for the sentinels: both use the same TLS`,
      "give sentinelTLS too, or tls to neither",
    );
  }
}

function readCluster(
  options: Options,
  startupNodes: readonly unknown[],
  reader: IoredisReader,
  place: BackendPlace,
  report: Report,
): Target | undefined {
  const origin = place.origin("startupNodes");
  const entries = startupNodes.map((node, index) => {
    const at = place.origin(`startupNodes[${index}]`);
    if (!isRecord(node)) return asEntry(node);
    const { host, port, path, username, password, db, tls, ...rest } = node;
    reader.read(rest, at.name);
    // ioredis puts in 127.0.0.1 itself, so this is where the client connects.
    const own = { host: host ?? (path === undefined ? "127.0.0.1" : undefined), port, path, username, password, db };
    return { ...own, tls: fromNodeTls(tls, { ...at, name: `${at.name}.tls` }, report) };
  });
  reader.read(options);
  if (reader.sentinels !== undefined) {
    const message = `${place.name("options")} has sentinels, but the client is one of a cluster`;
    report.problem("ERR_FLEET_CONFIG_AMBIGUOUS_MODE", message, "leave one of the two out");
  }
  const address: Address | undefined = readNodeList(entries, origin, report);
  return address === undefined ? undefined : { ...addressTarget(address, origin, report), origin: place.origin() };
}

/** A port alone is one of this host, also as text. */
function asEntry(node: unknown): unknown {
  return typeof node === "number" || (typeof node === "string" && /^\d+$/.test(node))
    ? { host: "127.0.0.1", port: node }
    : node;
}
