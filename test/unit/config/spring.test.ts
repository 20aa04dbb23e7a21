import { describe, expect, it } from "vitest";
import { codes, failure, notices, redis, resolve } from "./resolving.js";

type Given = Readonly<Record<string, string>>;

/** The same properties as `.properties`, as JSON (nested and dotted), and as variables; both prefixes of Spring. */
function everywhere(given: Given): readonly (readonly [string, ...Parameters<typeof resolve>])[] {
  const asFile = (name: string, text: string) =>
    [name, { FLEET_CONFIG: name }, {}, { files: { [name]: text } }] as const;
  const full = (prefix: string) =>
    Object.entries(given).map(([name, value]) => [name.includes("redis.") ? name : `${prefix}${name}`, value] as const);
  const variables = (prefix: string) =>
    Object.fromEntries(
      full(prefix).map(([name, value]) => [
        name
          .replace(/-/g, "")
          .replace(/[.[\]]+/g, "_")
          .toUpperCase(),
        value,
      ]),
    );
  const lines = (prefix: string, between: string) =>
    full(prefix)
      .map(([name, value]) => `${name}${between}${value}`)
      .join("\n");
  return [
    asFile("application.properties", lines("spring.redis.", "=")),
    asFile("data.properties", lines("spring.data.redis.", " : ")),
    asFile("application.json", JSON.stringify(Object.fromEntries(full("spring.data.redis.")))),
    asFile("nested.json", JSON.stringify(nested(full("spring.redis.")))),
    ["variables", variables("spring.redis."), {}],
    ["data's variables", variables("spring.data.redis."), {}],
  ];
}

function nested(entries: readonly (readonly [string, string])[]): unknown {
  const root: Record<string, unknown> = {};
  for (const [path, value] of entries) {
    const names = path.split(".");
    let place = root;
    for (const name of names.slice(0, -1)) place = (place[name] ??= {}) as Record<string, unknown>;
    place[names.at(-1) ?? ""] = value;
  }
  return root;
}

const h = { host: "h" };

describe("Spring's settings, each in every place", () => {
  it.each<[Given, object]>([
    [h, { kind: "single", nodes: [{ host: "h", port: 6379 }], database: 0 }],
    [{ host: "h", port: "7" }, { nodes: [{ host: "h", port: 7 }] }],
    [{ host: "::1", port: "7" }, { nodes: [{ host: "::1", port: 7 }] }],
    [
      { ...h, database: "2", username: "u", password: "p" },
      { database: 2, username: "u", password: "p" },
    ],
    [{ "redis.enabled": "true", ...h }, { nodes: [{ host: "h", port: 6379 }] }],
    [{ "redis.enabled": "true" }, { kind: "single", nodes: [{ host: "localhost", port: 6379 }] }],
    [{ port: "7" }, { kind: "single", nodes: [{ host: "localhost", port: 7 }] }],
    [
      { url: "rediss://u:p@h:7/2" },
      { nodes: [{ host: "h", port: 7 }], username: "u", password: "p", database: 2, tls: {} },
    ],
    [
      { url: "redis://h:7", password: "p" },
      { nodes: [{ host: "h", port: 7 }], password: "p" },
    ],
    [
      { url: "redis://:p@h:7", host: "i", password: "q" },
      { nodes: [{ host: "h", port: 7 }], password: "p" },
    ],
    [
      { "sentinel.master": "m", "sentinel.nodes": "a, b:2", "sentinel.username": "u", "sentinel.password": "p" },
      {
        kind: "sentinel",
        nodes: [
          { host: "a", port: 26_379 },
          { host: "b", port: 2 },
        ],
        sentinel: { name: "m", username: "u", password: "p" },
      },
    ],
    [
      { "sentinel.master": "m", "sentinel.nodes[1]": "b:2", "sentinel.nodes[0]": "a:1" },
      {
        kind: "sentinel",
        nodes: [
          { host: "a", port: 1 },
          { host: "b", port: 2 },
        ],
      },
    ],
    [
      { "cluster.nodes": "a:1,b:2" },
      {
        kind: "cluster",
        nodes: [
          { host: "a", port: 1 },
          { host: "b", port: 2 },
        ],
      },
    ],
    [{ ...h, timeout: "2000" }, { timeouts: { connect: 2000, command: 2000, start: 10_000 } }],
    [{ ...h, timeout: "2s" }, { timeouts: { connect: 2000, command: 2000, start: 10_000 } }],
    [{ ...h, timeout: "500ms" }, { timeouts: { connect: 500, command: 500, start: 10_000 } }],
    [
      { ...h, timeout: "PT2S", "connect-timeout": "1m" },
      { timeouts: { connect: 60_000, command: 2000, start: 120_000 } },
    ],
    [{ ...h, ssl: "true" }, { tls: {} }],
    [{ ...h, "ssl.enabled": "true" }, { tls: {} }],
    [{ ...h, "lettuce.pool.max-active": "8" }, { maxPending: 10_000 }],
    [{ ...h, "jedis.pool.max-active": "20000" }, { maxPending: 20_000 }],
  ])("%j", (given, backend) => {
    const places = everywhere(given).filter(([place]) => place !== "nested.json" || given["ssl.enabled"] === undefined);
    for (const [place, ...input] of places) expect(redis(...input), place).toMatchObject(backend);
  });

  it.each<[Given, string]>([
    [{ "masterreplica.nodes": "a,b" }, "ERR_FLEET_CONFIG_UNSUPPORTED"],
    [{ ...h, "masterreplica.nodes": "a,b" }, "ERR_FLEET_CONFIG_UNSUPPORTED"],
    [{ ...h, "ssl.bundle": "x" }, "ERR_FLEET_CONFIG_UNSUPPORTED"],
    [{ url: "http://h" }, "ERR_FLEET_CONFIG_SCHEME"],
    [{ url: "redis+cluster://h" }, "ERR_FLEET_CONFIG_SCHEME"],
    [{ "sentinel.master": "m" }, "ERR_FLEET_CONFIG_SENTINEL_INCOMPLETE"],
    [{ "sentinel.nodes": "a" }, "ERR_FLEET_CONFIG_SENTINEL_INCOMPLETE"],
    [{ "sentinel.nodes": "a", "sentinel.master": "m", "cluster.nodes": "a" }, "ERR_FLEET_CONFIG_AMBIGUOUS_MODE"],
    [{ "cluster.nodes": "a", database: "1" }, "ERR_FLEET_CONFIG_DB_CLUSTER"],
    [{ ...h, port: "x" }, "ERR_FLEET_CONFIG_PORT"],
    [{ ...h, database: "x" }, "ERR_FLEET_CONFIG_DB"],
    [{ ...h, username: "u" }, "ERR_FLEET_CONFIG_AUTH"],
    [{ "redis.enabled": "perhaps" }, "ERR_FLEET_CONFIG_BOOL"],
    ...["soon", "-1", "0", "1.5", "PT", "P", "25d"].map((timeout): [Given, string] => [
      { ...h, timeout },
      "ERR_FLEET_CONFIG_DURATION",
    ]),
  ])("%j is %s", (given, code) => {
    for (const [place, ...input] of everywhere(given)) expect(codes(...input), place).toEqual([code]);
  });

  it.each<[Given, string, string]>([
    [{ "redis.enabled": "true" }, "WARN_FLEET_DEFAULT_LOCALHOST", "localhost:6379"],
    [{ url: "redis://h", host: "i" }, "WARN_FLEET_URL_OVERRIDES", "is used"],
    [{ ...h, "cluster.max-redirects": "3" }, "WARN_FLEET_MANAGED_OPTION", "follows the cluster"],
    [{ ...h, "lettuce.cluster.refresh.period": "30s" }, "WARN_FLEET_MANAGED_OPTION", "follows the cluster"],
    [{ ...h, "lettuce.cluster.refresh.adaptive": "true" }, "WARN_FLEET_MANAGED_OPTION", "follows the cluster"],
    [{ ...h, "lettuce.cluster.refresh.dynamic-refresh-sources": "true" }, "WARN_FLEET_MANAGED_OPTION", "follows"],
    [{ ...h, "client-name": "x" }, "WARN_FLEET_MANAGED_OPTION", "role"],
    [{ ...h, "lettuce.shutdown-timeout": "100ms" }, "INFO_FLEET_IGNORED", "grace"],
    [{ ...h, "lettuce.pool.max-idle": "8" }, "INFO_FLEET_IGNORED", "connection"],
    [{ ...h, "lettuce.pool.max-active": "8" }, "INFO_FLEET_IGNORED", "connection"],
    [{ ...h, "client-type": "jedis" }, "INFO_FLEET_IGNORED", "Spring"],
    [{ ...h, "listener.auto-startup": "true" }, "INFO_FLEET_IGNORED", "Spring"],
    [{ ...h, "lettuce.read-from": "replica" }, "WARN_FLEET_READ_FROM_IGNORED", "primary"],
    [{ ...h, pasword: "p" }, "WARN_FLEET_UNKNOWN_OPTION", "did you mean password?"],
  ])("%j is said as %s", (given, code, text) => {
    for (const [place, ...input] of everywhere(given)) {
      const said = resolve(...input).notices.filter((notice) => notice.code === code);
      expect(said, place).toHaveLength(1);
      expect(said[0]?.message).toContain(text);
    }
  });

  it("says nothing of reads from the primary", () => {
    for (const from of ["upstream", "MASTER"])
      expect(notices({ SPRING_REDIS_HOST: "h", SPRING_REDIS_LETTUCE_READFROM: from })).toEqual([]);
  });

  it("redis.enabled=false is memory, with a word on what is then unused", () => {
    for (const [place, ...input] of everywhere({ "redis.enabled": "false" })) {
      expect(resolve(...input).backend, place).toEqual({ kind: "memory" });
      expect(notices(...input), place).toEqual([]);
    }
    expect(notices({ REDIS_ENABLED: "false", SPRING_REDIS_HOST: "h" })).toEqual(["WARN_FLEET_REDIS_UNUSED"]);
  });

  it("localhost is not assumed in production", () => {
    expect(codes({ REDIS_ENABLED: "true", NODE_ENV: "production" })).toEqual(["ERR_FLEET_CONFIG_REQUIRED"]);
  });

  it("redis.enabled=true yields to whoever names a server", () => {
    const backend = redis({ REDIS_ENABLED: "true", REDIS_URL: "redis://h" });
    expect(backend.nodes).toEqual([{ host: "h", port: 6379 }]);
    expect(notices({ REDIS_ENABLED: "true", REDIS_URL: "redis://h" })).toEqual([]);
    expect(codes({ REDIS_ENABLED: "false", REDIS_URL: "redis://h" })).toEqual(["ERR_FLEET_CONFIG_CONFLICT"]);
  });

  it("the sessions' namespace is the namespace", () => {
    for (const name of ["SPRING_SESSION_REDIS_NAMESPACE", "SPRING_SESSION_DATA_REDIS_NAMESPACE"])
      expect(resolve({ SPRING_REDIS_HOST: "h", [name]: "shop:sessions" }).namespace).toBe("shop.sessions");
  });

  it("both prefixes may say the same, and not different things", () => {
    const env = { SPRING_REDIS_HOST: "h", SPRING_DATA_REDIS_HOST: "h" };
    expect(redis(env).nodes).toHaveLength(1);
    const error = failure({ ...env, SPRING_DATA_REDIS_HOST: "i" });
    expect(error.code).toBe("ERR_FLEET_CONFIG_CONFLICT");
    expect(error.message).toContain("SPRING_DATA_REDIS_HOST and SPRING_REDIS_HOST");
  });

  it("does not take the variables of a Kubernetes Service for settings", () => {
    const env = {
      SPRING_REDIS_PORT: "tcp://10.0.0.1:6379",
      SPRING_REDIS_SERVICE_HOST: "10.0.0.1",
      SPRING_REDIS_PORT_6379_TCP_ADDR: "10.0.0.1",
    };
    expect(notices({ ...env, FLEET_BACKEND: "memory" })).toEqual([]);
  });

  it("does not show a name that may have a password in it", () => {
    for (const line of [
      "spring.redis.passwordhunter2",
      "spring.redis.usernamehunter2=x",
      "spring.redis.sentinel.passwordhunter2=",
    ]) {
      const files = { "a.properties": `redis.enabled=false\n${line}` };
      expect(JSON.stringify(resolve({ FLEET_CONFIG: "a.properties" }, {}, { files }))).not.toContain("hunter2");
    }
  });

  it("variables win over the file", () => {
    const files = { "a.properties": "spring.redis.host=f\nspring.redis.database=2" };
    const backend = redis({ FLEET_CONFIG: "a.properties", SPRING_DATA_REDIS_HOST: "h" }, {}, { files });
    expect(backend).toMatchObject({ nodes: [{ host: "h", port: 6379 }], database: 2 });
  });

  it("an address that is not used takes its password with it", () => {
    const env = { SPRING_REDIS_HOST: "h", SPRING_REDIS_PASSWORD: "p", FLEET_BACKEND: "redis://other" };
    expect(redis(env)).not.toHaveProperty("password");
    expect(notices(env)).toEqual(["INFO_FLEET_OVERRIDDEN"]);
  });
});

describe("the page of FlowerDocs", () => {
  const table = "spring.redis.password=secret\nspring.redis.timeout=2000\nspring.redis.database=1\n";

  it.each([
    ["simple", `redis.enabled=true\nspring.redis.host=redis-1\nspring.redis.port=6380\n${table}`, "single"],
    [
      "sentinel",
      `redis.enabled=true\nspring.redis.sentinel.master=mymaster\nspring.redis.sentinel.nodes=h1:26379,h2:26379\n${table}`,
      "sentinel",
    ],
  ])("%s, as a file and as environment", (_, text, kind) => {
    const env = Object.fromEntries(
      text
        .trim()
        .split("\n")
        .map((line) => line.split("=", 2))
        .map(([name = "", value]) => [name.replaceAll(".", "_").toUpperCase(), value]),
    );
    const expected = {
      kind,
      password: "secret",
      database: 1,
      timeouts: { connect: 2000, command: 2000, start: 10_000 },
    };
    expect(redis(env)).toMatchObject(expected);
    const files = { "core.properties": text };
    expect(redis({}, { config: "core.properties" }, { files })).toMatchObject(expected);
    expect(notices({}, { config: "core.properties" }, { files })).toEqual([]);
  });
});
