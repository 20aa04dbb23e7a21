import { describe, expect, it } from "vitest";
import { codes, failure, notices, redis } from "./resolving.js";

const url = (value: unknown) => redis({ REDIS_URL: JSON.stringify(value) });
const refused = (value: unknown) => codes({ REDIS_URL: JSON.stringify(value) });

describe("REDIS_URL as a JSON list", () => {
  it("is the seeds of a cluster, in any form of an entry", () => {
    expect(
      url([
        { host: "a", port: 7004 },
        { host: "b", port: "7001" },
        { host: "c" },
        "d:7002",
        "redis://e:7003",
        { host: "[::1]", port: 1 },
      ]),
    ).toMatchObject({
      kind: "cluster",
      nodes: [
        { host: "a", port: 7004 },
        { host: "b", port: 7001 },
        { host: "c", port: 6379 },
        { host: "d", port: 7002 },
        { host: "e", port: 7003 },
        { host: "::1", port: 1 },
      ],
    });
  });

  it("may have one entry: a configuration endpoint", () => {
    expect(url([{ host: "clustercfg.example.com", port: 6379 }])).toMatchObject({
      kind: "cluster",
      nodes: [{ host: "clustercfg.example.com" }],
    });
  });

  it("may have credentials in its entries when all agree", () => {
    expect(url([{ host: "a", username: "u", password: "p" }, { host: "b", password: "p" }, "c:1"])).toMatchObject({
      username: "u",
      password: "p",
    });
    expect(
      refused([
        { host: "a", password: "p" },
        { host: "b", password: "q" },
      ]),
    ).toEqual(["ERR_FLEET_CONFIG_CONFLICT"]);
  });

  it("has TLS for all nodes or for none", () => {
    expect(url(["rediss://a", "rediss://b"]).tls).toEqual({});
    expect(
      url([
        { host: "a", tls: {} },
        { host: "b", tls: {} },
      ]).tls,
    ).toEqual({});
    expect(url([{ host: "a", tls: { servername: "s" } }]).tls).toEqual({ servername: "s" });
    expect(url([{ host: "a", tls: false }, { host: "b" }]).tls).toBeUndefined();
    expect(refused(["rediss://a", "redis://b"])).toEqual(["ERR_FLEET_CONFIG_TLS_MIXED"]);
    expect(refused(["rediss://a", "b:1"])).toEqual(["ERR_FLEET_CONFIG_TLS_MIXED"]);
    expect(refused([{ host: "a", tls: true }, { host: "b" }])).toEqual(["ERR_FLEET_CONFIG_TLS_MIXED"]);
  });

  it("drops what is named twice and says so", () => {
    const twice = JSON.stringify([{ host: "a", port: 1 }, "a:1", { host: "b" }]);
    expect(redis({ REDIS_URL: twice }).nodes).toHaveLength(2);
    expect(notices({ REDIS_URL: twice })).toEqual(["WARN_FLEET_DUPLICATE_NODE"]);
  });

  it.each([
    ["no entry", [], "ERR_FLEET_CONFIG_EMPTY_NODES"],
    ["no host", [{ port: 1 }], "ERR_FLEET_CONFIG_NODE_HOST"],
    ["an empty host", [{ host: "", port: 1 }], "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a host that is none", [{ host: "a b" }], "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a URL as host", [{ host: "redis://a" }], "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a number", [7001], "ERR_FLEET_CONFIG_NODE_HOST"],
    ["null", [null], "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a socket", [{ path: "/redis.sock" }], "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a port too high", [{ host: "a", port: 70_000 }], "ERR_FLEET_CONFIG_PORT"],
    ["a port that is no number", [{ host: "a", port: "x" }], "ERR_FLEET_CONFIG_PORT"],
    ["a port with a fraction", [{ host: "a", port: 1.5 }], "ERR_FLEET_CONFIG_PORT"],
    ["a port of null", [{ host: "a", port: null }], "ERR_FLEET_CONFIG_PORT"],
    ["a database", [{ host: "a", db: 2 }], "ERR_FLEET_CONFIG_DB_CLUSTER"],
    ["an unknown name", [{ host: "a", prot: 1 }], "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["a password that is no text", [{ host: "a", password: 12_345 }], "ERR_FLEET_CONFIG_TYPE"],
    ["the URL of a cluster", ["redis+cluster://a"], "ERR_FLEET_CONFIG_SCHEME"],
  ])("refuses %s", (_, list, code) => {
    expect(refused(list)).toEqual([code]);
  });

  it("names the entry, offers the nearest name, and tells all mistakes", () => {
    const { problems } = failure({ REDIS_URL: '[{"port":1},{"host":"b","prot":2},{"host":"c","port":0}]' });
    expect(problems.map((problem) => problem.message)).toEqual([
      "REDIS_URL, entry 1 has no host: localhost is never assumed",
      'REDIS_URL, entry 2 has "prot", which is not read there; did you mean port?',
      "REDIS_URL, entry 3: the port is not a whole number from 1 to 65535",
    ]);
  });
});

describe("REDIS_URL as a JSON object", () => {
  it("is a single server, with a notice", () => {
    const object = { host: "a", port: 1, username: "u", password: "p", db: 2, tls: true };
    expect(url(object)).toMatchObject({
      kind: "single",
      nodes: [{ host: "a", port: 1 }],
      username: "u",
      password: "p",
      database: 2,
      tls: {},
    });
    expect(notices({ REDIS_URL: JSON.stringify(object) })).toEqual(["INFO_FLEET_SINGLE_OBJECT"]);
  });

  it("may be a socket", () => {
    expect(url({ path: "/redis.sock" }).nodes).toMatchObject([{ path: "/redis.sock" }]);
    expect(refused({ path: "redis.sock" })).toEqual(["ERR_FLEET_CONFIG_NODE_HOST"]);
  });

  it("needs a host", () => {
    expect(refused({ port: 1 })).toEqual(["ERR_FLEET_CONFIG_NODE_HOST"]);
    expect(refused({})).toEqual(["ERR_FLEET_CONFIG_NODE_HOST"]);
  });
});
