import { describe, expect, it } from "vitest";
import { codes, failure, notices, redis, resolve } from "./resolving.js";

const env = (options: unknown, url: string | undefined = "redis://h:1") => ({
  REDIS_URL: url,
  REDIS_OPTIONS: JSON.stringify(options),
});
const sentinels = [{ host: "s1" }, { host: "s2", port: 26_380 }, "s3:26381"];

describe("REDIS_OPTIONS", () => {
  it("is merged over the URL", () => {
    const options = {
      password: "b",
      username: "u",
      db: 3,
      tls: { servername: "s" },
      connectTimeout: 20_000,
      commandTimeout: 3000,
    };
    expect(redis(env(options, "redis://x:a@h:1/1"))).toMatchObject({
      username: "u",
      password: "b",
      database: 3,
      tls: { servername: "s" },
      timeouts: { connect: 20_000, command: 3000, start: 40_000 },
    });
  });

  it("holds for a cluster too, also in the form that ioredis wants there", () => {
    const list = '["a:1","b:1"]';
    expect(redis(env({ password: "p", tls: true }, list))).toMatchObject({ kind: "cluster", password: "p", tls: {} });
    expect(redis(env({ redisOptions: { password: "p", tls: {} } }, list))).toMatchObject({
      kind: "cluster",
      password: "p",
      tls: {},
    });
    expect(codes(env({ password: "p", redisOptions: { password: "q" } }, list))).toEqual(["ERR_FLEET_CONFIG_CONFLICT"]);
    expect(codes(env({ redisOptions: 1 }, list))).toEqual(["ERR_FLEET_CONFIG_TYPE"]);
  });

  it("names sentinels", () => {
    const options = {
      sentinels,
      name: "mymaster",
      password: "p",
      sentinelPassword: "sp",
      sentinelUsername: "su",
      db: 2,
    };
    expect(redis({ REDIS_OPTIONS: JSON.stringify(options) })).toMatchObject({
      kind: "sentinel",
      nodes: [
        { host: "s1", port: 26_379 },
        { host: "s2", port: 26_380 },
        { host: "s3", port: 26_381 },
      ],
      sentinel: { name: "mymaster", username: "su", password: "sp" },
      password: "p",
      database: 2,
    });
    expect(redis({ CLUSTER_ENABLED: "true", REDIS_OPTIONS: JSON.stringify(options) }).kind).toBe("sentinel");
  });

  it("leaves the host of a URL aside when it names sentinels, as ioredis does, and says so", () => {
    const both = env({ sentinels, name: "mymaster" }, "redis://:pw@h:1/2");
    expect(redis(both)).toMatchObject({
      kind: "sentinel",
      nodes: [{ host: "s1" }, {}, {}],
      password: "pw",
      database: 2,
    });
    expect(notices(both)).toEqual(["INFO_FLEET_OVERRIDDEN"]);
  });

  it.each([
    ["sentinels with a list", env({ sentinels, name: "m" }, '["a:1"]'), "ERR_FLEET_CONFIG_AMBIGUOUS_MODE"],
    ["a name with a list", env({ name: "m" }, '["a:1"]'), "ERR_FLEET_CONFIG_AMBIGUOUS_MODE"],
    ["sentinels with a cluster", env({ sentinels, name: "m" }, "redis+cluster://a"), "ERR_FLEET_CONFIG_AMBIGUOUS_MODE"],
    ["sentinels twice", env({ sentinels, name: "m" }, "redis+sentinel://a/m"), "ERR_FLEET_CONFIG_AMBIGUOUS_MODE"],
    ["two names", env({ name: "n" }, "redis+sentinel://a/m"), "ERR_FLEET_CONFIG_CONFLICT"],
    ["sentinels without a name", env({ sentinels }, undefined), "ERR_FLEET_CONFIG_SENTINEL_NAME"],
    ["a name without sentinels", env({ name: "m" }), "ERR_FLEET_CONFIG_SENTINEL_INCOMPLETE"],
    ["no sentinel", env({ sentinels: [], name: "m" }, undefined), "ERR_FLEET_CONFIG_EMPTY_NODES"],
    ["a sentinel without host", env({ sentinels: [{ port: 1 }], name: "m" }, undefined), "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a sentinel that is a number", env({ sentinels: [1], name: "m" }, undefined), "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a database that is none", env({ db: "x" }), "ERR_FLEET_CONFIG_DB"],
    ["a negative database", env({ db: -1 }), "ERR_FLEET_CONFIG_DB"],
    ["a database of a cluster", env({ db: 1 }, '["a:1"]'), "ERR_FLEET_CONFIG_DB_CLUSTER"],
    ["a password that is a number", env({ password: 1234 }), "ERR_FLEET_CONFIG_TYPE"],
    ["a user name alone", env({ username: "u" }), "ERR_FLEET_CONFIG_AUTH"],
    [
      "a user name for sentinels alone",
      env({ sentinels, name: "m", sentinelUsername: "u" }, undefined),
      "ERR_FLEET_CONFIG_AUTH",
    ],
    ["a timeout that is none", env({ connectTimeout: "soon" }), "ERR_FLEET_CONFIG_DURATION"],
    ["a timeout of 0", env({ commandTimeout: 0 }), "ERR_FLEET_CONFIG_DURATION"],
    ["reads from replicas", env({ scaleReads: "slave" }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["replicas by role", env({ role: "slave" }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["read-only connections", env({ readOnly: true }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["address translation to nowhere", env({ natMap: { "a:1": "b" } }), "ERR_FLEET_CONFIG_ADDRESS_MAP"],
    ["a host", env({ host: "x" }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["an unknown name", env({ passwort: "x" }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["a name of Object.prototype", env({ constructor: 1 }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["an unknown name in tls", env({ tls: { cafile: "x" } }), "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["tls that is none", env({ tls: "yes" }), "ERR_FLEET_CONFIG_TYPE"],
    [
      "TLS for the sentinels alone",
      env({ sentinels, name: "m", sentinelTLS: {} }, undefined),
      "ERR_FLEET_CONFIG_TLS_MIXED",
    ],
    ["a certificate without key", env({ tls: { cert: "c" } }), "ERR_FLEET_CONFIG_TLS_PAIR"],
    ["a prefix with braces", env({ keyPrefix: "a{b}" }), "ERR_FLEET_CONFIG_NAMESPACE"],
  ])("refuses %s", (_, given, code) => {
    expect(codes(given)).toEqual([code]);
  });

  it("offers the nearest name of an option", () => {
    expect(failure(env({ passwort: "x" })).message).toContain("did you mean password?");
    expect(failure(env({ conectTimeout: 1 })).message).toContain("did you mean connectTimeout?");
  });

  it("accepts the same TLS for sentinels and data nodes, and what we do anyway", () => {
    expect(redis(env({ sentinels, name: "m", tls: {}, sentinelTLS: {} }, undefined)).tls).toEqual({});
    expect(notices(env({ scaleReads: "master", role: "master", readOnly: false, password: null }))).toEqual([]);
  });

  it("names in one warning the options that it decides itself", () => {
    const given = env({
      maxRetriesPerRequest: null,
      enableOfflineQueue: false,
      lazyConnect: true,
      retryStrategy: null,
      keepAlive: 1,
    });
    const said = resolve(given).notices;
    expect(said.map((notice) => notice.code)).toEqual(["WARN_FLEET_MANAGED_OPTION"]);
    for (const name of ["maxRetriesPerRequest", "enableOfflineQueue", "lazyConnect", "retryStrategy", "keepAlive"]) {
      expect(said[0]?.message).toContain(name);
    }
  });

  it("warns of TLS that trusts everybody", () => {
    const given = env({ tls: { rejectUnauthorized: false } });
    expect(redis(given).tls).toEqual({ rejectUnauthorized: false });
    expect(notices(given)).toEqual(["WARN_FLEET_TLS_INSECURE"]);
  });

  it.each([
    ["app:", "app", []],
    ["app:prod:", "app.prod", ["INFO_FLEET_NAMESPACE"]],
    ["app/", "app", []],
    ["app/prod", "app/prod", []],
    ["app", "app", []],
    [":", "fleet", []],
    ["", "fleet", []],
  ])("makes the keyPrefix %j the namespace %j", (keyPrefix, namespace, expected) => {
    expect(resolve(env({ keyPrefix })).namespace).toBe(namespace);
    expect(notices(env({ keyPrefix }))).toEqual(expected);
  });
});
