import { describe, expect, it } from "vitest";
import { codes, failure, notices, redis } from "./resolving.js";

const url = (text: string) => redis({ REDIS_URL: text });

describe("REDIS_URL as the URL of one server", () => {
  it.each([
    ["redis://h:6380", "h", 6380],
    ["redis://h", "h", 6379],
    ["REDIS://h:1", "h", 1],
    ["redis://my_redis.svc.cluster.local.:1", "my_redis.svc.cluster.local.", 1],
    ["redis://10.0.0.1:6379", "10.0.0.1", 6379],
    ["redis://[::1]:6380", "::1", 6380],
    ["redis://[fe80::1%25eth0]", "fe80::1%eth0", 6379],
    ["  redis://h:1  ", "h", 1],
  ])("%s", (text, host, port) => {
    expect(url(text)).toMatchObject({ kind: "single", nodes: [{ host, port }], database: 0 });
    expect(url(text).tls).toBeUndefined();
  });

  it("decodes the credentials and reads the database", () => {
    expect(url("redis://bo%40b:p%2Fa%3As%25s@h:1/3")).toMatchObject({
      username: "bo@b",
      password: "p/a:s%s",
      database: 3,
    });
    expect(url("redis://:a:b@c@h")).toMatchObject({ password: "a:b@c", nodes: [{ host: "h", port: 6379 }] });
    expect(url("redis://:pw@h").username).toBeUndefined();
    expect(url("redis://h/")).toMatchObject({ database: 0 });
  });

  it("takes TLS from rediss://", () => {
    expect(url("rediss://h").tls).toEqual({});
  });

  it("reads the query of a compose file, and says what is wrong with a password there", () => {
    const text = "redis://h:1?password=p%26w&username=bob&db=2";
    expect(url(text)).toMatchObject({ password: "p&w", username: "bob", database: 2 });
    expect(notices({ REDIS_URL: text })).toEqual(["WARN_FLEET_SECRET_IN_QUERY"]);
    expect(notices({ REDIS_URL: "redis://h:1?family=6" })).toEqual(["WARN_FLEET_MANAGED_OPTION"]);
    expect(notices({ REDIS_URL: "redis://h:1?db=2" })).toEqual([]);
  });

  it.each([
    ["redis://h/abc", "ERR_FLEET_CONFIG_DB"],
    ["redis://h/1.5", "ERR_FLEET_CONFIG_DB"],
    ["redis://h/-1", "ERR_FLEET_CONFIG_DB"],
    ["redis://h?db=x", "ERR_FLEET_CONFIG_DB"],
    ["redis://h:65536", "ERR_FLEET_CONFIG_PORT"],
    ["redis://h:0", "ERR_FLEET_CONFIG_PORT"],
    ["redis://h:port", "ERR_FLEET_CONFIG_PORT"],
    ["redis://h:", "ERR_FLEET_CONFIG_PORT"],
    ["redis://", "ERR_FLEET_CONFIG_NODE_HOST"],
    ["redis://:6379", "ERR_FLEET_CONFIG_NODE_HOST"],
    ["redis://u:p@", "ERR_FLEET_CONFIG_NODE_HOST"],
    ["redis://::1", "ERR_FLEET_CONFIG_NODE_HOST"],
    ["redis://[h]:1", "ERR_FLEET_CONFIG_NODE_HOST"],
    ["redis://a b:1", "ERR_FLEET_CONFIG_NODE_HOST"],
    ["http://h", "ERR_FLEET_CONFIG_SCHEME"],
    ["reddis://h", "ERR_FLEET_CONFIG_SCHEME"],
    ["redis://h1:1,h2:2", "ERR_FLEET_CONFIG_MULTI_ADDR"],
    ["h1:1,h2:2", "ERR_FLEET_CONFIG_MULTI_ADDR"],
    ["redis://u:p/w@h", "ERR_FLEET_CONFIG_URL"],
    ["redis://u:p#w@h", "ERR_FLEET_CONFIG_URL"],
    ["redis://u:p?w@h", "ERR_FLEET_CONFIG_URL"],
    ["redis://u:p%w@h", "ERR_FLEET_CONFIG_URL"],
    ["redis://h#x", "ERR_FLEET_CONFIG_URL"],
    ["redis://h/0/1", "ERR_FLEET_CONFIG_URL"],
    ["redis:/h", "ERR_FLEET_CONFIG_URL"],
    ["redis-1", "ERR_FLEET_CONFIG_URL"],
    ["::1", "ERR_FLEET_CONFIG_URL"],
    ["'redis://h'", "ERR_FLEET_CONFIG_URL"],
    ["redis://h?colour=red", "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["redis://:a@h?password=b", "ERR_FLEET_CONFIG_CONFLICT"],
    ["redis://h/1?db=2", "ERR_FLEET_CONFIG_CONFLICT"],
    ["redis://bob@h", "ERR_FLEET_CONFIG_AUTH"],
  ])("refuses %s with %s", (text, code) => {
    expect(codes({ REDIS_URL: text })).toContain(code);
  });

  it("offers the nearest scheme, the code of a sign that must be encoded, and memory", () => {
    expect(failure({ REDIS_URL: "reddis://h" }).message).toContain("did you mean redis?");
    expect(failure({ REDIS_URL: "redis://u:p/w@h" }).help).toContain("%2F");
    expect(failure({ FLEET_BACKEND: "memroy" }).message).toContain("did you mean memory?");
  });

  it("tells every mistake of one URL at once", () => {
    expect(codes({ REDIS_URL: "redis://h:x/abc?foo=1" })).toEqual([
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      "ERR_FLEET_CONFIG_PORT",
      "ERR_FLEET_CONFIG_DB",
    ]);
  });
});

describe("REDIS_URL as the URL of sentinels or of a cluster", () => {
  it("reads sentinels, the primary's name and the database", () => {
    expect(url("redis+sentinel://bob:pw@h1,h2:26380/my%20master/2")).toMatchObject({
      kind: "sentinel",
      nodes: [
        { host: "h1", port: 26_379 },
        { host: "h2", port: 26_380 },
      ],
      sentinel: { name: "my master" },
      username: "bob",
      password: "pw",
      database: 2,
    });
    expect(url("rediss+sentinel://h1/mymaster").tls).toEqual({});
  });

  it("reads a cluster, also from one seed", () => {
    expect(url("redis+cluster://h1,h2:7001")).toMatchObject({
      kind: "cluster",
      nodes: [
        { host: "h1", port: 6379 },
        { host: "h2", port: 7001 },
      ],
    });
    expect(url("rediss+cluster://redis.example.com")).toMatchObject({
      kind: "cluster",
      nodes: [{ host: "redis.example.com", port: 6379 }],
      tls: {},
    });
  });

  it.each([
    ["redis+sentinel://h1,h2", "ERR_FLEET_CONFIG_SENTINEL_NAME"],
    ["redis+sentinel://h1,h2/", "ERR_FLEET_CONFIG_SENTINEL_NAME"],
    ["redis+cluster://h1/3", "ERR_FLEET_CONFIG_DB_CLUSTER"],
    ["redis+cluster://h1,,h2", "ERR_FLEET_CONFIG_NODE_HOST"],
    ["redis+cluster://h1,h2:x", "ERR_FLEET_CONFIG_PORT"],
  ])("refuses %s with %s", (text, code) => {
    expect(codes({ REDIS_URL: text })).toEqual([code]);
  });

  it("uses a node once that is named twice, and says so", () => {
    const text = "redis+cluster://h1:1,H1:1,h2:1";
    expect(url(text).nodes).toHaveLength(2);
    expect(notices({ REDIS_URL: text })).toEqual(["WARN_FLEET_DUPLICATE_NODE"]);
  });
});

describe("REDIS_URL in its short forms", () => {
  it.each([
    ["redis-1:6380", { host: "redis-1", port: 6380 }],
    ["[::1]:6380", { host: "::1", port: 6380 }],
    ["[::1]", { host: "::1", port: 6379 }],
    ["6380", { host: "127.0.0.1", port: 6380 }],
  ])("%s", (text, node) => {
    expect(url(text)).toMatchObject({ kind: "single", nodes: [node] });
  });

  it("reads the path of a socket, with its query", () => {
    expect(url("/var/run/redis.sock?db=2")).toMatchObject({
      kind: "single",
      nodes: [{ path: "/var/run/redis.sock" }],
      database: 2,
    });
  });

  it.each(["0", "99999", "123456789"])("refuses the port %s", (text) => {
    expect(codes({ REDIS_URL: text })).toEqual(["ERR_FLEET_CONFIG_PORT"]);
  });
});
