import { ioredisOptions } from "./ioredis-options.js";

const secretKeys = new Set([
  ...["username", "password", "sentinelUsername", "sentinelPassword", "ca", "cert", "key"],
  ...["sentinel_password", "redis_username", "redis_password", "redis_sentinel_password"],
]);
/** What Tyk's files have beside it. */
const tykKeys = [
  ...["storage", "analytics_storage_config", "type", "enable_cluster", "addrs", "hosts", "host", "port", "database"],
  ...["master_name", "optimisation_max_idle", "optimisation_max_active", "timeout", "use_ssl"],
  ...["ssl_insecure_skip_verify", "redis_addrs", "redis_hosts", "redis_host", "redis_port", "redis_database"],
  ...["redis_master_name", "redis_use_ssl", "redis_timeout"],
];
const publicKeys = new Set([
  ...Object.keys(ioredisOptions).filter((name) => !secretKeys.has(name)),
  "servername",
  "rejectUnauthorized",
  ...tykKeys,
]);

/** Names whose values are objects or lists: a word in their place is a piece of something else. */
const structureKeys = new Set([
  ...["natMap", "redisOptions", "sentinels", "tls", "sentinelTLS", "scripts", "himportFieldsets"],
  ...["storage", "analytics_storage_config", "addrs", "hosts", "redis_addrs", "redis_hosts"],
]);

/** What stands in a message where a secret, or what may be one, was left out. */
export const mask = "***";

/** Whether a name is one that `REDIS_URL` or `REDIS_OPTIONS` may hold: other words of a broken text may be pieces of a secret. */
export function isKnownKey(name: string): boolean {
  return publicKeys.has(name) || secretKeys.has(name);
}

/** Whether the value under a name may be repeated: the name is known and never holds a secret, and the value is a plain word. */
export function isPublicValue(key: string | undefined, value: string): boolean {
  if (key !== undefined && structureKeys.has(key)) return /^(?:true|false|null)$/.test(value);
  return (
    key !== undefined && publicKeys.has(key) && /^[A-Za-z0-9/][\w./:-]{0,80}$/.test(value) && !value.includes("//")
  );
}

/** Whether an entry of a list may be repeated: `host` or `host:port`, but not `password:1234`. */
function isPublicEntry(value: string): boolean {
  return /^[A-Za-z0-9_][\w.-]{0,80}(?::\d{1,5})?$/.test(value) && !isKnownKey(value.split(":", 1)[0] ?? "");
}

/** Whether a broken text is a list of nothing but addresses, which holds no names to tell values by and no secret. */
export function isAddressList(text: string): boolean {
  const words = text.split(/[[\],\s"']+/).filter((word) => word !== "");
  return text.trimStart().startsWith("[") && words.every(isPublicEntry);
}

/** A broken text as it may be printed, and where its offsets went. */
export interface Revealed {
  readonly text: string;
  readonly place: (offset: number) => number;
}

/**
 * Makes a text that is not JSON printable: structure, known names and their public values stay, any other word becomes
 * `***`. In a broken text nobody can tell where a password ends, so nothing is shown unless it is known to be harmless.
 */
export function reveal(text: string): Revealed {
  // Where a URL may be inside, a value's pieces cannot be told from its credentials.
  const noUrl = !text.includes("@") && !text.includes("//");
  const addressesOnly = isAddressList(text);
  const offsets: number[] = [];
  let printed = "";
  let key: string | undefined;
  for (const { 0: piece, index } of text.matchAll(/[^\s[\]{},:"']+|[\s\S]/g)) {
    let shown = /^[[\]{},:"']$/.test(piece) ? piece : " ";
    if (/[^\s[\]{},:"']/.test(piece)) {
      const named = isKnownKey(piece) && standsAsName(text, index, piece.length);
      if (named) key = piece;
      const isValue = !named && noUrl && isPublicValue(key, piece);
      shown = named || isValue || addressesOnly ? piece : mask;
      // A value is one word; what follows it without a comma may be anything.
      if (isValue) key = undefined;
    } else if (/[[\]{},]/.test(piece) && key !== undefined && !secretKeys.has(key)) {
      // After a secret's name nothing is public until the next known name: the secret may hold any of these.
      key = undefined;
    }
    for (let inside = 0; inside < piece.length; inside++)
      offsets[index + inside] = printed.length + (shown === piece ? inside : 0);
    printed += shown;
  }
  return { text: printed, place: (offset) => offsets[offset] ?? printed.length };
}

/** Whether a word has what surrounds a name in JSON or in what a shell leaves of it; a known word alone may be a piece of a secret. */
function standsAsName(text: string, start: number, length: number): boolean {
  const before = text.slice(Math.max(0, start - 20), start);
  return (
    /(?:(?:^|[[{,])\s*["']?|["'\d}\]]\s+["'])$/.test(before) &&
    /^["']?\s*:/.test(text.slice(start + length, start + length + 20))
  );
}
