import { inspect } from "node:util";
import { runInThisContext } from "node:vm";
import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import type { FleetConfig, NodeAddress } from "../../../src/config/backend-config.js";
import { describeStart } from "../../../src/config/describe.js";
import { fromIoredis, type IoredisClient } from "../../../src/config/from-ioredis.js";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { codes, failure, notices, redis, resolve } from "./resolving.js";

const lazyConnect = true;
const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

/** Options with a client of one server or of sentinels, which never connects. */
function one(options: RedisOptions | string): FleetConfigOptions {
  const given = typeof options === "string" ? {} : options;
  const client = new Redis({ ...given, lazyConnect } as object);
  return { backend: fromIoredis(typeof options === "string" ? new Redis(options, { lazyConnect }) : client) };
}

/** Options with a client of a cluster, which never connects. */
function cluster(nodes: ClusterNode[], options: ClusterOptions = {}): FleetConfigOptions {
  return { backend: fromIoredis(new Cluster(nodes, { ...options, lazyConnect } as object)) };
}

/** What is named as decided by this library. */
function managed(options: FleetConfigOptions): string[] {
  const notice = resolve({}, options).notices.find(({ code }) => code === "WARN_FLEET_MANAGED_OPTION");
  const names = [...(notice?.message.split("not used: ")[1] ?? "").replace(/\([^)]*\)/g, "").matchAll(/\w+/g)];
  return names.map(([name]) => name);
}

describe("the server of a client", () => {
  it.each<[string, FleetConfigOptions, object]>([
    ["the default one", one({}), { kind: "single", nodes: [{ host: "localhost", port: 6379 }], database: 0 }],
    [
      "host, port and database",
      one({ host: "h", port: 7, db: 3, username: "u", password: "p" }),
      { kind: "single", nodes: [{ host: "h", port: 7 }], database: 3, username: "u", password: "p" },
    ],
    [
      "a URL",
      one("rediss://u:p%40@h:7/3?family=6"),
      { kind: "single", nodes: [{ host: "h", port: 7 }], database: 3, username: "u", password: "p@", tls: {} },
    ],
    ["a URL with a password alone", one("redis://:p@h"), { nodes: [{ host: "h", port: 6379 }], password: "p" }],
    ["IPv6", one({ host: "::1" }), { nodes: [{ host: "::1", port: 6379 }] }],
    ["a socket", one("/run/redis.sock"), { kind: "single", nodes: [{ path: "/run/redis.sock" }] }],
    [
      "sentinels",
      one({
        sentinels: [{ host: "s1" }, { host: "s2", port: 7, family: 4 }],
        name: "m",
        password: "p",
        sentinelUsername: "su",
        sentinelPassword: "sp",
      }),
      {
        kind: "sentinel",
        nodes: [
          { host: "s1", port: 26_379 },
          { host: "s2", port: 7 },
        ],
        sentinel: { name: "m", username: "su", password: "sp" },
        password: "p",
      },
    ],
    [
      "a cluster",
      cluster([{ host: "a", port: 1 }, "redis://b:2", "c:3", 4, "5", { port: 6 }], {
        redisOptions: { password: "p", username: "u" },
      }),
      {
        kind: "cluster",
        nodes: [
          { host: "a", port: 1 },
          { host: "b", port: 2 },
          { host: "c", port: 3 },
          { host: "127.0.0.1", port: 4 },
          { host: "127.0.0.1", port: 5 },
          { host: "127.0.0.1", port: 6 },
        ],
        username: "u",
        password: "p",
        database: 0,
      },
    ],
    [
      "a cluster whose nodes carry their password",
      cluster(["rediss://u:p@a", { host: "b", username: "u", password: "p", tls: {} } as ClusterNode]),
      { nodes: [{ host: "a" }, { host: "b" }], username: "u", password: "p", tls: {} },
    ],
  ])("%s", (_, options, expected) => {
    expect(redis({}, options)).toMatchObject(expected);
    expect(managed(options)).toEqual(_ === "a URL" ? ["family"] : []);
  });

  it("has no credentials where the client has none", () => {
    for (const options of [one({}), one("redis://h"), cluster(["a"])]) {
      expect(redis({}, options)).not.toHaveProperty("username");
      expect(redis({}, options)).not.toHaveProperty("password");
      expect(redis({}, options)).not.toHaveProperty("tls");
    }
  });

  it("is taken once, as it was", () => {
    const client = new Redis({ host: "h", password: "p", lazyConnect });
    const backend = fromIoredis(client);
    client.options.password = "q";
    client.disconnect();
    expect(redis({}, { backend }).password).toBe("p");
    expect(client.listenerCount("error")).toBe(0);
  });

  it("never connects", () => {
    const client = new Redis({ host: "h", lazyConnect });
    resolve({}, { backend: fromIoredis(client) });
    expect(client.status).toBe("wait");
  });
});

describe("what else a client says", () => {
  it("is its timeouts, namespace and address map", () => {
    const natMap = { "10.0.0.1:6379": { host: "localhost", port: 7001 } };
    const options = one({ connectTimeout: 1000, commandTimeout: 2000, keyPrefix: "app:" });
    expect(redis({}, options).timeouts).toEqual({ connect: 1000, command: 2000, start: 10_000 });
    expect(resolve({}, options).namespace).toBe("app");
    expect(redis({}, cluster(["a"], { natMap, keyPrefix: "app:" })).addressMap).toEqual({
      "10.0.0.1:6379": { host: "localhost", port: 7001 },
    });
    expect(resolve({}, cluster(["a"], { redisOptions: { keyPrefix: "app:" } })).namespace).toBe("app");
  });

  it("is a natMap that is a function, called with the key that ioredis calls it with", () => {
    const asked: string[] = [];
    const natMap = (key: string) => {
      asked.push(key);
      return key === "10.0.0.1:6379" ? { host: "h", port: 1 } : null;
    };
    const { addressMap } = redis({}, cluster(["a"], { natMap }));
    expect(asked).toEqual([]);
    const dial = addressMap as (address: NodeAddress) => NodeAddress | undefined;
    expect(dial({ host: "10.0.0.1", port: 6379 })).toEqual({ host: "h", port: 1 });
    expect(dial({ host: "::1", port: 1 })).toBeUndefined();
    expect(asked).toEqual(["10.0.0.1:6379", "::1:1"]);
  });

  it("is not ioredis' default of a timeout, so that ours and those of variables hold", () => {
    expect(redis({}, one({})).timeouts.connect).toBe(5000);
    expect(redis({ FLEET_CONNECT_TIMEOUT: "1s" }, one({})).timeouts.connect).toBe(1000);
    expect(redis({ FLEET_CONNECT_TIMEOUT: "1s" }, one({ connectTimeout: 2000 })).timeouts.connect).toBe(2000);
  });

  it("counts less than what stands beside it", () => {
    const password = () => "token";
    const client = new Redis({
      host: "h",
      username: "u",
      password: "p",
      commandTimeout: 30_000,
      keyPrefix: "app:",
      lazyConnect,
    });
    const options: FleetConfigOptions = {
      backend: { ...fromIoredis(client), password, database: 2, addressMap: { "a:1": "b:2" } },
      timeouts: { command: "5s" },
      namespace: "shop",
    };
    expect(redis({}, options)).toMatchObject({
      username: "u",
      password,
      database: 2,
      addressMap: { "a:1": { host: "b", port: 2 } },
      timeouts: { command: 5000 },
    });
    expect(resolve({}, options).namespace).toBe("shop");
  });

  it("belongs to its server: of another one's environment only what it lacks is used", () => {
    const env = { REDIS_URL: "redis://:other@other/5", REDIS_OPTIONS: '{"db":7}', FLEET_PASSWORD: "env" };
    expect(redis(env, one({ host: "h", password: "p" }))).toMatchObject({
      nodes: [{ host: "h" }],
      password: "p",
      database: 0,
    });
    expect(redis(env, one({ host: "h" })).password).toBe("env");
  });

  it("is the origin of its values", () => {
    const { provenance } = resolve({}, one({ host: "h", password: "p", connectTimeout: 1 }));
    expect(provenance["backend.nodes"]).toEqual({ origin: "code", name: "backend" });
    expect(provenance["backend.password"]).toEqual({ origin: "code", name: "backend.options.password" });
    expect(provenance["backend.timeouts.connect"]).toEqual({ origin: "code", name: "backend.options.connectTimeout" });
    const nested = resolve({}, cluster(["a"], { redisOptions: { password: "p" } })).provenance;
    expect(nested["backend.password"]?.name).toBe("backend.options.redisOptions.password");
  });

  it("may be the backend of a room, whose namespace is the fleet's", () => {
    const client = new Cluster(["a"], { keyPrefix: "app:", redisOptions: { password: "p" }, lazyConnect });
    const config = resolve({}, { backend: "memory", backends: { sessions: fromIoredis(client) } });
    expect(config.backends?.sessions).toMatchObject({ kind: "cluster", password: "p" });
    expect(config.namespace).toBe("fleet");
    expect(config.notices[0]?.message).toContain("keyPrefix (the namespace is that of the fleet, for all its rooms)");
  });
});

describe("TLS of a client", () => {
  it("takes certificates as texts and as bytes, one or several", () => {
    const tls = {
      ca: [Buffer.from(pem), pem],
      cert: Buffer.from(pem),
      key: pem,
      servername: "s",
      minVersion: "TLSv1.3",
    };
    expect(redis({}, one({ tls } as RedisOptions)).tls).toEqual({
      ca: `${pem}\n${pem}`,
      cert: pem,
      key: pem,
      servername: "s",
      minVersion: "TLSv1.3",
    });
    expect(redis({}, cluster(["a"], { redisOptions: { tls: {} } })).tls).toEqual({});
    expect(redis({}, one({ tls: undefined }))).not.toHaveProperty("tls");
  });

  it("with a profile of ioredis has its certificates, where ioredis looked them up", () => {
    const profile = one({ tls: "RedisCloudFixed" } as unknown as RedisOptions);
    expect(redis({}, profile).tls?.ca).toContain("BEGIN CERTIFICATE");
    const unresolved = cluster(["a"], { redisOptions: { tls: "RedisCloudFixed" } as unknown as RedisOptions });
    expect(codes({}, unresolved)).toEqual(["ERR_FLEET_CONFIG_UNSUPPORTED"]);
  });

  it.each<[string, FleetConfigOptions, string]>([
    ["a check of its own", one({ tls: { checkServerIdentity: () => undefined } }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["another option of Node", one({ tls: { ciphers: "x" } }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["bytes that are no PEM", one({ tls: { ca: Buffer.from([1, 2]) } }), "ERR_FLEET_CONFIG_TYPE"],
    ["a key in an object", one({ tls: { key: [{ pem, passphrase: "p" }], cert: pem } }), "ERR_FLEET_CONFIG_TYPE"],
    [
      "sentinels without it",
      one({ sentinels: [{ host: "s" }], name: "m", tls: {}, enableTLSForSentinelMode: true }),
      "ERR_FLEET_CONFIG_TLS_MIXED",
    ],
    ["sentinels alone", one({ sentinels: [{ host: "s" }], name: "m", sentinelTLS: {} }), "ERR_FLEET_CONFIG_TLS_MIXED"],
    ["some nodes of a cluster", cluster(["rediss://a", "redis://b"]), "ERR_FLEET_CONFIG_TLS_MIXED"],
  ])("is refused with %s", (_, options, code) => {
    expect(codes({}, options)[0]).toBe(code);
  });

  it("is one switch for sentinels and data nodes", () => {
    const sentinels = [{ host: "s" }];
    const both = one({ sentinels, name: "m", tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true });
    expect(redis({}, both).tls).toEqual({});
    expect(managed(both)).toEqual([]);
    // ioredis itself would speak to the data nodes in the clear.
    expect(managed(one({ sentinels, name: "m", tls: {} }))).toEqual(["enableTLSForSentinelMode"]);
  });
});

describe("what the fleet decides itself", () => {
  it("is not named where the client was given nothing", () => {
    for (const options of [one({}), one("redis://h"), cluster(["a"]), cluster(["a"], { redisOptions: {} })])
      expect(notices({}, options)).toEqual([]);
  });

  it("is nothing of the defaults of ioredis 5", () => {
    const client = new Redis({ lazyConnect });
    const { protocol, replyMapping, himportFieldsets, ...older } = client.options;
    expect([protocol, replyMapping, himportFieldsets]).toEqual([3, "legacy", undefined]);
    // Its text as ioredis 5.11.1 has it, and as a bundler writes it.
    for (const limit of ["2000", "2e3"]) {
      const text = `function (times) {\n        return Math.min(times * 50, ${limit});\n    }`;
      const retryStrategy = runInThisContext(`(${text})`) as () => number;
      client.options = { ...older, keepAlive: 0, retryStrategy };
      expect(managed({ backend: fromIoredis(client) })).toEqual([]);
    }
  });

  it("is named once and together, whatever it is", () => {
    const given = one({
      retryStrategy: () => 1,
      maxRetriesPerRequest: null,
      enableOfflineQueue: false,
      reconnectOnError: () => 2,
      scripts: { hello: { lua: "return 1" } },
      family: 4,
      connectionName: "n",
    });
    expect(managed(given).sort()).toEqual([
      "connectionName",
      "enableOfflineQueue",
      "family",
      "maxRetriesPerRequest",
      "reconnectOnError",
      "retryStrategy",
      "scripts",
    ]);
    const clusters = cluster(["a"], {
      clusterRetryStrategy: () => 1,
      dnsLookup: (address, callback) => callback(null, address),
      slotsRefreshInterval: 1000,
      enableOfflineQueue: false,
      redisOptions: { enableAutoPipelining: true },
    });
    expect(managed(clusters).sort()).toEqual([
      "clusterRetryStrategy",
      "dnsLookup",
      "enableAutoPipelining",
      "enableOfflineQueue",
      "slotsRefreshInterval",
    ]);
    const codesOf = resolve({}, clusters).notices.map((notice) => notice.code);
    expect(codesOf).toEqual(["WARN_FLEET_MANAGED_OPTION"]);
  });

  it("is also what is not known here, which a newer ioredis may have", () => {
    const client = new Redis("redis://h?colour=hunter2", { lazyConnect });
    const config = resolve({}, { backend: fromIoredis(client) });
    const notice = config.notices.find(({ code }) => code === "WARN_FLEET_UNKNOWN_OPTION");
    expect(notice?.message).toBe('backend.options has what is not known here, so not used: "colour"');
  });
});

describe("what cannot be honoured", () => {
  class Connector {
    constructor(readonly options: unknown) {}
  }

  it.each<[string, FleetConfigOptions, string]>([
    ["a connector", one({ Connector: Connector as never }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["reads from replicas", cluster(["a"], { scaleReads: "slave" }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["reads by a function", cluster(["a"], { scaleReads: () => [] }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    [
      "a replica of sentinels",
      one({ sentinels: [{ host: "s" }], name: "m", role: "slave" }),
      "ERR_FLEET_CONFIG_UNSUPPORTED",
    ],
    ["a replica by choice", one({ preferredSlaves: () => null }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["read-only connections", one({ readOnly: true }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["a monitor", one({ monitor: true }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["SRV records", cluster(["a"], { useSRVRecords: true }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    [
      "a host beside the nodes",
      cluster(["a"], { redisOptions: { host: "b" } as never }),
      "ERR_FLEET_CONFIG_UNSUPPORTED",
    ],
    ["a database of a cluster", cluster(["a"], { redisOptions: { db: 1 } }), "ERR_FLEET_CONFIG_DB_CLUSTER"],
    ["no node", cluster([]), "ERR_FLEET_CONFIG_EMPTY_NODES"],
    ["a prefix with braces", one({ keyPrefix: "{a}" }), "ERR_FLEET_CONFIG_NAMESPACE"],
    ["a command timeout beyond ours", one({ commandTimeout: 60_000 }), "ERR_FLEET_CONFIG_DURATION"],
    ["a name without sentinels", one({ name: "m" }), "ERR_FLEET_CONFIG_SENTINEL_INCOMPLETE"],
    ["two passwords", cluster(["redis://:p@a"], { redisOptions: { password: "q" } }), "ERR_FLEET_CONFIG_CONFLICT"],
    ["a password that is a number", one({ password: 7 as never }), "ERR_FLEET_CONFIG_TYPE"],
    ["a user name alone", one({ username: "u" }), "ERR_FLEET_CONFIG_AUTH"],
    [
      "a natMap without ports",
      cluster(["a"], { natMap: { a: { host: "b", port: 1 } } }),
      "ERR_FLEET_CONFIG_ADDRESS_MAP",
    ],
  ])("%s", (_, options, code) => {
    expect(codes({}, options)).toEqual([code]);
    expect(failure({}, options).message).toContain("backend.");
  });
});

describe("what is no client of ioredis", () => {
  const refusal = (value: unknown): ConfigError => {
    try {
      fromIoredis(value as IoredisClient);
    } catch (error) {
      if (error instanceof ConfigError) return error;
    }
    throw new Error("it was taken");
  };

  it.each<[string, unknown, string]>([
    ["nothing", undefined, "undefined"],
    ["null", null, "null"],
    ["a URL", "redis://:hunter2@h", "a text"],
    ["a number", 6379, "a number"],
    ["a list", [], "a list"],
    ["a plain object", { host: "h", password: "hunter2" }, "a plain object"],
    ["the class", Redis, "a function or a class"],
    ["a promise", Promise.resolve(), "a promise"],
    [
      "a client of node-redis",
      Object.assign(Object.create({ sendCommand() {} }), { isOpen: false, options: { password: "hunter2" } }),
      "a client of node-redis (the package redis)",
    ],
    ["another object", new Map([["hunter2", 1]]), "an object that is none"],
    ["a client without options", { isCluster: false, status: "wait", duplicate() {} }, "a plain object"],
  ])("%s", (_, value, what) => {
    const error = refusal(value);
    expect(error.code).toBe("ERR_FLEET_CONFIG_TYPE");
    expect(error.message).toBe(`fromIoredis needs a client of ioredis and was given ${what}`);
    expect(error.help).toMatch(/fromIoredis|backend|await/);
    expect(inspect(error)).not.toContain("hunter2");
  });

  it("is told where the client itself, or a copy of what fromIoredis gave, is the backend", () => {
    const client = new Redis("redis://:hunter2@h", { lazyConnect });
    const error = failure({}, { backend: client } as unknown as FleetConfigOptions);
    expect(error.message).toBe("backend is a client of ioredis, of which only the options are taken");
    expect(error.help).toBe("backend: fromIoredis(client)");
    const copy = JSON.parse(JSON.stringify(fromIoredis(client))) as FleetConfigOptions["backend"];
    expect(failure({}, { backend: copy }).message).toBe("backend.ioredis is not as fromIoredis gives it");
    const nodes = { ...fromIoredis(client), nodes: ["a"] } as unknown as FleetConfigOptions["backend"];
    expect(codes({}, { backend: nodes })).toEqual(["ERR_FLEET_CONFIG_UNSUPPORTED"]);
  });
});

describe("secrets of a client", () => {
  const seen = ({ provenance, notices: said, ...config }: FleetConfig) =>
    `${describeStart({ provenance, notices: said, ...config })} ${inspect([provenance, said], { depth: 9 })}`;

  it("are in no text", () => {
    const secret = "hunter2";
    const clients = [
      new Redis({ username: `u${secret}`, password: secret, connectionName: secret, lazyConnect }),
      new Redis(`redis://:${secret}@h?foo=${secret}`, { lazyConnect }),
      new Redis({ sentinels: [{ host: "s" }], name: "m", sentinelPassword: secret, lazyConnect }),
      new Cluster([`redis://:${secret}@a`], { redisOptions: { connectionName: secret }, lazyConnect }),
    ];
    for (const client of clients) {
      const backend = fromIoredis(client);
      expect(inspect(backend, { depth: 9, showHidden: true })).not.toContain(secret);
      expect(JSON.stringify(backend)).not.toContain(secret);
      expect(seen(resolve({}, { backend }))).not.toContain(secret);
    }
    const broken = new Redis({ password: secret, port: 0 as never, tls: { key: secret } as never, lazyConnect });
    expect(inspect(failure({}, { backend: fromIoredis(broken) }))).not.toContain(secret);
  });
});
