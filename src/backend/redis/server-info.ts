/** What a server tells of itself in INFO, as far as the fleet needs it. */
export interface ServerInfo {
  readonly flavor: "redis" | "valkey";
  readonly version: string;
  readonly mode: "standalone" | "cluster" | "sentinel" | "unknown";
  readonly role: "master" | "slave" | "unknown";
  readonly loading: boolean;
  /** How many replicas are connected to it. */
  readonly replicas: number;
  /** Empty when the server does not tell. */
  readonly evictionPolicy: string;
  /** Names the history of writes; empty when the server does not tell, or hides it behind zeros. */
  readonly replicationId: string;
  /** Whether it was promoted, and still remembers the history from which it came. */
  readonly wasPromoted: boolean;
  /** Another one at each start of the server; empty when it does not tell. */
  readonly runId: string;
  /** Seconds since its start. */
  readonly uptime: number;
}

/** Reads the reply of INFO; a field that a server does not send gets a neutral value. */
export function parseInfo(text: string): ServerInfo {
  const fields = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const valkey = fields.get("valkey_version");
  const mode = fields.get("redis_mode") ?? fields.get("server_mode");
  const role = fields.get("role");
  return {
    flavor: valkey === undefined ? "redis" : "valkey",
    version: valkey ?? fields.get("redis_version") ?? "",
    mode: mode === "standalone" || mode === "cluster" || mode === "sentinel" ? mode : "unknown",
    role: role === "master" || role === "slave" ? role : "unknown",
    replicas: Number(fields.get("connected_slaves") ?? 0),
    loading: fields.get("loading") === "1",
    evictionPolicy: fields.get("maxmemory_policy") ?? "",
    replicationId: unlessZero(fields.get("master_replid")),
    wasPromoted: unlessZero(fields.get("master_replid2")) !== "",
    runId: unlessZero(fields.get("run_id")),
    uptime: Number(fields.get("uptime_in_seconds") ?? 0),
  };
}

/** An identifier of nothing but zeros names nothing, and would look the same on every server. */
function unlessZero(identifier = ""): string {
  return /[^0]/.test(identifier) ? identifier : "";
}
