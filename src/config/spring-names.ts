import { suggestion } from "../core/nearest-name.js";
import type { Origin } from "./backend-config.js";
import { type Entries, EntryCollector, normalizeName } from "./dialect-fields.js";
import type { ConfigFile } from "./config-file.js";
import { printableSetting } from "./node-entry.js";
import { originIn } from "./option-place.js";
import type { Report } from "./problems.js";
import { variable } from "./scalars.js";
import type { Environment } from "./secret.js";

/** What is read below `spring.redis` and `spring.data.redis`. */
const read = [
  "host",
  "port",
  "database",
  "username",
  "password",
  "url",
  "sentinel.master",
  "sentinel.nodes",
  "sentinel.username",
  "sentinel.password",
  "cluster.nodes",
  "masterreplica.nodes",
  "timeout",
  "connect-timeout",
  "ssl",
  "ssl.enabled",
  "ssl.bundle",
  "lettuce.pool.max-active",
  "jedis.pool.max-active",
  "lettuce.read-from",
];

/** What is accepted without being read, and why. */
const left: readonly (readonly [RegExp, "managed" | "ignored", string])[] = [
  [/^cluster\.max-?redirects$/, "managed", "the fleet follows the cluster itself"],
  [/^lettuce\.cluster\.refresh\./, "managed", "the fleet follows the cluster itself"],
  [/^client-?name$/, "managed", "connections are named by their role and by the fleet's instance"],
  [/^lettuce\.shutdown-?timeout$/, "ignored", "give close({ grace }) instead"],
  [/^(?:lettuce|jedis)\.pool\./, "ignored", "one connection per node carries all calls"],
  [/^client-?type$|^(?:listener|repositories)\./, "ignored", "it is for Spring's own client"],
];

const prefixes = ["spring.data.redis.", "spring.redis."];
const namespaceNames = ["spring.session.data.redis.namespace", "spring.session.redis.namespace"];
const byName = new Map(read.map((name) => [normalizeName(name), name]));

/** The variables by which this dialect names a backend. */
export const springBackendVariables = ["SPRING_REDIS_HOST", "SPRING_DATA_REDIS_HOST"] as const;

/** What Spring is given for Redis, its variables before its file, as Spring reads them itself. */
export function collectSpring(env: Environment, file: ConfigFile | undefined, report: Report): Entries {
  const names = new NameReader(report);
  const fromFile = new EntryCollector();
  for (const [path, value] of file?.properties ?? []) {
    const known = springName(path);
    if (file !== undefined && known !== undefined) names.collect(known, value, originIn(file, path), fromFile);
  }
  const fromVariables = new EntryCollector();
  for (const name of Object.keys(env).sort()) {
    const text = variable(env, name);
    const known = text === undefined || ofKubernetes(name, text) ? undefined : springVariable(name);
    // A password keeps its spaces.
    if (known !== undefined) names.collect(known, env[name], { origin: "env", name }, fromVariables);
  }
  names.finish();
  return new Map([...joinLists(fromFile.entries), ...joinLists(fromVariables.entries)]);
}

/** The name below the prefix, `enabled` and `namespace` for the two that stand elsewhere; `undefined` for other properties. */
export function springName(path: string): string | undefined {
  const lower = path.toLowerCase();
  if (lower === "redis.enabled") return "enabled";
  if (namespaceNames.includes(lower)) return "namespace";
  const prefix = prefixes.find((known) => lower.startsWith(known));
  return prefix === undefined ? undefined : path.slice(prefix.length);
}

function springVariable(name: string): string | undefined {
  if (name === "REDIS_ENABLED") return "enabled";
  if (/^SPRING_SESSION_(?:DATA_)?REDIS_NAMESPACE$/.test(name)) return "namespace";
  const [, below, index] = /^SPRING_(?:DATA_)?REDIS_(.+?)(?:_(\d+)_?)?$/.exec(name) ?? [];
  if (below === undefined) return undefined;
  return `${below.replaceAll("_", ".").toLowerCase()}${index === undefined ? "" : `[${index}]`}`;
}

/** Kubernetes sets such variables in every pod for a Service that is named spring-redis. */
function ofKubernetes(name: string, text: string): boolean {
  return /_SERVICE_(?:HOST|PORT)(?:_|$)|_PORT_\d+_/.test(name) || /^(?:tcp|udp):\/\//.test(text);
}

class NameReader {
  readonly #report: Report;
  readonly #left = { managed: new Map<string, string[]>(), ignored: new Map<string, string[]>() };

  constructor(report: Report) {
    this.#report = report;
  }

  collect(name: string, value: unknown, origin: Origin, into: EntryCollector): void {
    const [, bare = name, index] = /^(.*?)(?:\[(\d+)\])?$/.exec(name) ?? [];
    const own = bare === "enabled" || bare === "namespace" ? bare : byName.get(normalizeName(bare));
    if (own !== undefined) {
      into.add(index === undefined ? own : `${own}[${index}]`, value, origin, this.#report);
      return;
    }
    if (value === "" || value === null) return;
    const lower = bare.toLowerCase();
    const known = left.find(
      ([pattern]) => pattern.test(lower) || pattern.test(lower.replace(/(max|shutdown|client)\./, "$1-")),
    );
    if (known !== undefined) {
      const [, how, why] = known;
      this.#left[how].set(why, [...(this.#left[how].get(why) ?? []), origin.name]);
      return;
    }
    const where =
      /^[\w. [\]:-]{1,120}$/.test(origin.name) && printableSetting(bare) === JSON.stringify(bare)
        ? origin.name
        : "a name that is not printed here";
    this.#report.notice(
      "WARN_FLEET_UNKNOWN_OPTION",
      `${where} is no setting of Spring's Redis${suggestion(bare, read)}`,
    );
  }

  finish(): void {
    const said = (names: ReadonlyMap<string, readonly string[]>): string =>
      [...names].map(([why, origins]) => `${origins.join(", ")} (${why})`).join("; ");
    if (this.#left.managed.size > 0)
      this.#report.notice(
        "WARN_FLEET_MANAGED_OPTION",
        `this library decides itself, so these are not used: ${said(this.#left.managed)}`,
      );
    if (this.#left.ignored.size > 0)
      this.#report.notice("INFO_FLEET_IGNORED", `means nothing here: ${said(this.#left.ignored)}`);
  }
}

/** Makes lists of what was given one by one, `nodes[0]`, `nodes[1]`. */
function joinLists(entries: Entries): Entries {
  const joined = new Map<string, { readonly value: unknown; readonly origin: Origin }>();
  const indexOf = (name: string): number => Number(/\[(\d+)\]$/.exec(name)?.[1] ?? -1);
  for (const [name, { value, origin }] of [...entries].sort(([a], [b]) => indexOf(a) - indexOf(b))) {
    const bare = name.replace(/\[\d+\]$/, "");
    const before = joined.get(bare);
    const from = before?.origin ?? { ...origin, name: origin.name.replace(/\[\d+\]$|_\d+_?$/, "") };
    if (bare === name) joined.set(name, { value, origin });
    else joined.set(bare, { value: [...(before === undefined ? [] : [before.value].flat()), value], origin: from });
  }
  return joined;
}
