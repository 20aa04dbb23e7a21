import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import { describeStart } from "../../../src/config/describe.js";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { type Env, resolve, said } from "./resolving.js";

/** The same cases at every run; any other seed must do as well. */
const seed = Number(process.env["TEST_SEED"] ?? 20_261_120);

/** A secret that no message holds by chance; signs that end parts of the formats are among its letters. */
const secret = fc
  .array(fc.constantFrom(...Array.from("abcXYZ0189!$&*;=~^|<>:/?#%,{}[]'\\ \"")), { minLength: 0, maxLength: 14 })
  .map((letters) => `Zq7w${letters.join("")}w7qZ`);

const settings = {
  storage: [
    "type",
    "enable_cluster",
    "addrs",
    "hosts",
    "host",
    "port",
    "master_name",
    "database",
    "timeout",
    "use_ssl",
  ],
  more: [
    "optimisation_max_idle",
    "optimisation_max_active",
    "ssl_insecure_skip_verify",
    "min_version",
    "ca_file",
    "iam_auth",
  ],
  spring: [
    "host",
    "port",
    "database",
    "url",
    "sentinel.master",
    "sentinel.nodes",
    "sentinel.nodes[0]",
    "cluster.nodes",
  ],
  beside: ["timeout", "connect-timeout", "ssl", "ssl.enabled", "ssl.bundle", "lettuce.pool.max-active", "client-name"],
  secrets: ["username", "password", "sentinel_password", "sentinel.password", "colour"],
};
const value = fc.oneof(
  fc.constantFrom<unknown>(
    "",
    "h",
    "h:1",
    "h:1,i:2",
    "[::1]:7",
    "true",
    "false",
    "redis",
    "memory",
    "m",
    "0",
    "1",
    "2s",
    "1.2",
  ),
  fc.constantFrom<unknown>(
    "redis://h",
    "rediss://u@h/1",
    "redis+cluster://h",
    "PT2S",
    "perhaps",
    "-1",
    "99999",
    " ",
    "::",
  ),
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    1,
    6379,
    -1,
    1.5,
    1e300,
    [],
    ["h:1", "i:2"],
    [1],
    {},
    { h: 1 },
    { h: "x" },
    [[]],
  ),
  fc.constantFrom<unknown>({ enabled: true }, { __proto__: null, constructor: 1 }, ["h", null], { a: { b: { c: 1 } } }),
);
const name = fc.constantFrom(
  ...settings.storage,
  ...settings.more,
  ...settings.spring,
  ...settings.beside,
  "unknown",
  "",
);

/** Settings by their names, with one secret where a secret, or what nobody reads, may stand. */
const group = fc.record({
  plain: fc.dictionary(name, value, { maxKeys: 6 }),
  secretName: fc.constantFrom(...settings.secrets),
});
const prefix = fc.constantFrom(
  "storage.",
  "analytics_storage_config.",
  "redis_",
  "spring.redis.",
  "spring.data.redis.",
  "backend.",
  "",
);
const addressMap = fc.oneof(value, fc.constantFrom<unknown>("a:1=b:2", "10.0.0.1=b", { "a:1": "b:2" }, { "::1": {} }));
const backend = fc.oneof(
  value,
  fc.record({ url: value, username: value, tls: value, sentinel: value, addressMap }),
  fc.record({ kind: value, nodes: value, addressMap }),
  fc.record({ addressMap }),
  fc.constantFrom<unknown>({ ioredis: "Redis" }, { url: "redis://h", password: { env: "SECRET" } }),
);
const ownNames = fc.record(
  {
    backend,
    backends: fc.oneof(
      value,
      fc.record({ sessions: backend }),
      fc.constantFrom<unknown>({ locks: "memory" }, { sessions: {} }),
    ),
    namespace: value,
    instance: value,
    externalUrl: value,
    timeouts: fc.constantFrom<unknown>({}, { connect: 5 }, { command: "9d" }, { start: null }, 3, null),
    maxPending: value,
    allowInsecureTls: value,
    colour: value,
  },
  { requiredKeys: [] },
);

type Tree = Record<string, unknown>;
const tree = fc
  .tuple(fc.array(fc.tuple(prefix, group), { maxLength: 3 }), ownNames, fc.boolean(), secret, value)
  .map(([groups, own, withOwn, password, enabled]) => {
    const root: Tree = withOwn ? { ...own } : {};
    for (const [before, { plain, secretName }] of groups) {
      const all: Tree = { ...plain, [secretName]: password };
      const inside = before.startsWith("redis_") || before === "" ? root : ((root[before.slice(0, -1)] = {}) as Tree);
      for (const [key, one] of Object.entries(all)) inside[before === "redis_" ? `redis_${key}` : key] = one;
    }
    if (!withOwn && groups.length > 1) root["redis.enabled"] = enabled;
    return { root, password };
  });

const asProperties = (root: Tree, between: string): string => {
  const lines: string[] = [];
  const visit = (one: unknown, path: string): void => {
    if (typeof one === "object" && one !== null)
      for (const [key, inside] of Object.entries(one)) visit(inside, path === "" ? key : `${path}.${key}`);
    else lines.push(`${path}${between}${typeof one === "string" ? one : JSON.stringify(one)}`);
  };
  visit(root, "");
  return lines.join("\n");
};

const asVariables = (root: Tree): Env =>
  Object.fromEntries(
    Object.entries(root).flatMap(([before, inside]) =>
      Object.entries(typeof inside === "object" && inside !== null ? inside : { "": inside }).map(([key, one]) => {
        const start = before.startsWith("spring")
          ? before
          : before === "storage"
            ? "TYK_GW_STORAGE"
            : `TYK_DB_${before}`;
        const upper = `${start}_${key}`.replace(/[.[\]]+/g, "_").toUpperCase();
        return [
          before.startsWith("spring") ? upper.replace(/-/g, "") : upper.replace(/_(?=[A-Z]+$)/g, "_"),
          typeof one === "string" ? one : JSON.stringify(one),
        ];
      }),
    ),
  );

const variables = fc.dictionary(
  fc.constantFrom(
    "REDIS_URL",
    "CLUSTER_ENABLED",
    "FLEET_BACKEND",
    "FLEET_SESSIONS_BACKEND",
    "FLEET_ADDRESS_MAP",
    "FLEET_NAMESPACE",
    "REDIS_ENABLED",
    "NODE_ENV",
    "REDIS_SCOPE",
  ),
  fc.constantFrom("redis://h", "true", "false", "production", "memory", "shop", "redis+cluster://h:1,i:2"),
  { maxKeys: 2 },
);

/** A file, written in one of the formats and perhaps broken at a place. */
const file = fc
  .tuple(tree, fc.constantFrom("f.json", "t.conf", "a.properties", "b.properties"), fc.nat(), fc.boolean())
  .chain(([{ root, password }, path, at, breaks]) =>
    fc.constantFrom("drop", "cut", '"', ",", "{", "]", " ", "\n", "=", "\\").map((how) => {
      const bare = JSON.stringify(root, undefined, at % 3).slice(1, -1);
      const json = at % 5 === 0 ? `${bare},` : `{${bare}}`;
      const text = path.endsWith(".properties") ? asProperties(root, path.startsWith("a") ? "=" : ": ") : json;
      const place = at % (text.length + 1);
      const put = how === "drop" || how === "cut" ? "" : how;
      const end = how === "cut" ? "" : text.slice(place + 1);
      return { path, password, text: breaks ? `${text.slice(0, place)}${put}${end}` : text };
    }),
  );

/** Everything that people see of a configuration; whatever is thrown but a `ConfigError` fails. */
function printed(env: Env, options: FleetConfigOptions, files: Readonly<Record<string, string>>): string {
  try {
    const config = resolve(env, options, { files });
    return `${said(config)}\n${describeStart(config)}\n${JSON.stringify(config.provenance)}`;
  } catch (error) {
    if (error instanceof ConfigError) return said(error);
    throw error;
  }
}

describe("10,000 random configurations", () => {
  it("end with a configuration or a ConfigError, and show no secret", { timeout: 180_000 }, () => {
    const outcomes = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.option(file, { nil: undefined }),
        tree,
        variables,
        ownNames,
        fc.nat(7),
        (one, given, more, own, mask) => {
          const env = { ...(mask & 1 ? asVariables(given.root) : {}), ...more };
          const files = one === undefined ? {} : { [one.path]: one.text };
          const config = one === undefined ? {} : mask & 2 ? { config: one.path } : {};
          if (one !== undefined && !(mask & 2)) Object.assign(env, { FLEET_CONFIG: one.path });
          const options = { ...(mask === 4 ? own : {}), ...config } as FleetConfigOptions;
          const text = printed(env, options, files);
          if (text.startsWith("ERR") || text.includes("Error")) outcomes.refused++;
          else outcomes.accepted++;
          expect(text).not.toMatch(/Zq7w|w7qZ/);
        },
      ),
      { numRuns: 10_000, seed },
    );
    // Both ways are taken often enough for the count to mean something.
    expect(outcomes.accepted).toBeGreaterThan(500);
    expect(outcomes.refused).toBeGreaterThan(500);
  });
});
