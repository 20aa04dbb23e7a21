import { describe, expect, it } from "vitest";
import type { BackendOption, FleetConfigOptions } from "../../../src/config/options.js";
import { codes, failure, redis, resolve } from "./resolving.js";

/** Options that the types refuse, as JavaScript may give them. */
const untyped = (options: unknown) => options as FleetConfigOptions;

describe("the backend in code", () => {
  it("is memory, private or under a name", () => {
    expect(resolve({}, { backend: "memory" }).backend).toEqual({ kind: "memory" });
    expect(resolve({}, { backend: { memory: "demo" } }).backend).toEqual({ kind: "memory", name: "demo" });
    expect(resolve({}, { backend: "memory" }).notices).toEqual([]);
  });

  it("is a URL", () => {
    expect(redis({}, { backend: "redis://u:p@h:1/2" })).toMatchObject({
      kind: "single",
      username: "u",
      password: "p",
      database: 2,
    });
  });

  it("is a URL with what overrides it", () => {
    const backend: BackendOption = {
      url: "redis+sentinel://u:p@s1,s2/one/1",
      username: "v",
      password: { env: "REDIS_PASSWORD" },
      database: 2,
      tls: { ca: "pem", servername: "s" },
      sentinel: { name: "two", username: "su", password: { file: "/s" } },
    };
    expect(redis({ REDIS_PASSWORD: "x" }, { backend }, { files: { "/s": "sp" } })).toMatchObject({
      kind: "sentinel",
      nodes: [{ host: "s1" }, { host: "s2" }],
      username: "v",
      password: { env: "REDIS_PASSWORD" },
      database: 2,
      tls: { ca: "pem", servername: "s" },
      sentinel: { name: "two", username: "su", password: { file: "/s" } },
    });
  });

  it.each<[string, BackendOption, object]>([
    ["one server", { kind: "single", nodes: ["h"] }, { kind: "single", nodes: [{ host: "h", port: 6379 }] }],
    [
      "a socket",
      { kind: "single", nodes: [{ path: "/redis.sock" }] },
      { kind: "single", nodes: [{ path: "/redis.sock" }] },
    ],
    [
      "sentinels",
      { kind: "sentinel", nodes: ["s1", { host: "s2", port: 1 }], sentinel: { name: "m" } },
      {
        nodes: [
          { host: "s1", port: 26_379 },
          { host: "s2", port: 1 },
        ],
        sentinel: { name: "m" },
      },
    ],
    [
      "a cluster from one seed",
      { kind: "cluster", nodes: ["redis.svc:7000"], tls: true },
      { kind: "cluster", nodes: [{ host: "redis.svc", port: 7000 }], tls: {} },
    ],
    [
      "IPv6",
      { kind: "cluster", nodes: ["[::1]:7000", { host: "::1" }] },
      {
        nodes: [
          { host: "::1", port: 7000 },
          { host: "::1", port: 6379 },
        ],
      },
    ],
    [
      "undefined here and there",
      { kind: "single", nodes: ["h"], password: undefined, tls: undefined, sentinel: undefined },
      { kind: "single" },
    ],
  ])("is an object: %s", (_, backend, expected) => {
    expect(redis({}, { backend })).toMatchObject(expected);
  });

  it.each<[string, unknown, string]>([
    ["a number", 6379, "ERR_FLEET_CONFIG_TYPE"],
    ["null", null, "ERR_FLEET_CONFIG_TYPE"],
    ["an empty object", {}, "ERR_FLEET_CONFIG_TYPE"],
    ["an unknown kind", { kind: "replica", nodes: ["h"] }, "ERR_FLEET_CONFIG_TYPE"],
    ["no nodes", { kind: "cluster" }, "ERR_FLEET_CONFIG_TYPE"],
    ["empty nodes", { kind: "cluster", nodes: [] }, "ERR_FLEET_CONFIG_EMPTY_NODES"],
    ["a node without host", { kind: "cluster", nodes: [{ port: 1 }] }, "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a node that is a number", { kind: "cluster", nodes: [7000] }, "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a URL as node", { kind: "cluster", nodes: ["redis://h"] }, "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a socket of a cluster", { kind: "cluster", nodes: [{ path: "/s" }] }, "ERR_FLEET_CONFIG_NODE_HOST"],
    ["a wrong port", { kind: "cluster", nodes: ["h:0"] }, "ERR_FLEET_CONFIG_PORT"],
    ["several single servers", { kind: "single", nodes: ["a", "b"] }, "ERR_FLEET_CONFIG_MULTI_ADDR"],
    ["sentinels without a name", { kind: "sentinel", nodes: ["s"] }, "ERR_FLEET_CONFIG_SENTINEL_NAME"],
    [
      "a sentinel's name for one server",
      { kind: "single", nodes: ["s"], sentinel: { name: "m" } },
      "ERR_FLEET_CONFIG_SENTINEL_INCOMPLETE",
    ],
    [
      "a sentinel's name for a cluster",
      { kind: "cluster", nodes: ["s"], sentinel: { name: "m" } },
      "ERR_FLEET_CONFIG_AMBIGUOUS_MODE",
    ],
    ["sentinel as text", { url: "redis+sentinel://s/m", sentinel: "m" }, "ERR_FLEET_CONFIG_TYPE"],
    ["a database of a cluster", { kind: "cluster", nodes: ["s"], database: 1 }, "ERR_FLEET_CONFIG_DB_CLUSTER"],
    ["a database that is none", { kind: "single", nodes: ["s"], database: 1.5 }, "ERR_FLEET_CONFIG_DB"],
    ["nodes beside a URL", { url: "redis://h", nodes: ["h"] }, "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["an empty URL", { url: "" }, "ERR_FLEET_CONFIG_REQUIRED"],
    ["a wrong URL", { url: "http://h" }, "ERR_FLEET_CONFIG_SCHEME"],
    ["memory without a name", { memory: true }, "ERR_FLEET_CONFIG_TYPE"],
    ["memory with nodes", { memory: "a", nodes: [] }, "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["a password that is a number", { url: "redis://h", password: 1 }, "ERR_FLEET_CONFIG_TYPE"],
    ["a password from nowhere", { url: "redis://h", password: {} }, "ERR_FLEET_CONFIG_TYPE"],
    ["a password from two places", { url: "redis://h", password: { file: "a", env: "b" } }, "ERR_FLEET_CONFIG_TYPE"],
    [
      "a password from a variable that is not set",
      { url: "redis://h", password: { env: "NOT_SET" } },
      "ERR_FLEET_CONFIG_REQUIRED",
    ],
    [
      "a password from a file that is not there",
      { url: "redis://h", password: { file: "/none" } },
      "ERR_FLEET_CONFIG_FILE",
    ],
    ["a user name alone", { url: "redis://h", username: "u" }, "ERR_FLEET_CONFIG_AUTH"],
    ["TLS off and rediss://", { url: "rediss://h", tls: false }, "ERR_FLEET_CONFIG_CONFLICT"],
    ["a CA twice", { url: "redis://h", tls: { ca: "a", caFile: "/b" } }, "ERR_FLEET_CONFIG_CONFLICT"],
    ["a key without certificate", { url: "redis://h", tls: { key: "k" } }, "ERR_FLEET_CONFIG_TLS_PAIR"],
    ["a text for rejectUnauthorized", { url: "redis://h", tls: { rejectUnauthorized: "no" } }, "ERR_FLEET_CONFIG_TYPE"],
  ])("refuses %s", (_, backend, code) => {
    expect(codes({}, untyped({ backend }))).toEqual([code]);
  });
});

describe("the other options in code", () => {
  it("are taken", () => {
    const options: FleetConfigOptions = {
      backend: "redis://h",
      namespace: "shop",
      instance: "web-7",
      externalUrl: "https://shop.example.com",
      timeouts: { connect: "20s", command: 500, start: "1m" },
      maxPending: 5,
    };
    expect(resolve({}, options)).toMatchObject({ namespace: "shop", instance: "web-7" });
    expect(redis({}, options)).toMatchObject({
      timeouts: { connect: 20_000, command: 500, start: 60_000 },
      maxPending: 5,
    });
  });

  it("have defaults", () => {
    expect(redis({}, { backend: "redis://h" })).toMatchObject({
      timeouts: { connect: 5000, command: 8000, start: 10_000 },
      maxPending: 10_000,
    });
    expect(redis({}, { backend: "redis://h", timeouts: { connect: "7s" } }).timeouts.start).toBe(14_000);
    expect(resolve({}, { backend: "memory" })).toMatchObject({ namespace: "fleet", instance: "web-1-42" });
  });

  it("have an instance of safe characters whatever the host is called", () => {
    expect(resolve({}, {}, { hostname: "Änne's host.local" }).instance).toBe("nne-s-host.local-42");
    expect(resolve({}, {}, { hostname: "" }).instance).toBe("instance-42");
    expect(resolve({}, {}, { hostname: "h".repeat(300) }).instance).toHaveLength(128);
  });

  it.each<[string, unknown, string]>([
    ["a namespace with a colon", { namespace: "a:b" }, "ERR_FLEET_CONFIG_NAMESPACE"],
    ["a namespace too long", { namespace: "a".repeat(65) }, "ERR_FLEET_CONFIG_NAMESPACE"],
    ["a namespace that is a number", { namespace: 7 }, "ERR_FLEET_CONFIG_TYPE"],
    ["an instance with a colon", { instance: "a:b" }, "ERR_FLEET_CONFIG_INSTANCE"],
    ["an external URL without scheme", { externalUrl: "shop.example.com" }, "ERR_FLEET_CONFIG_EXTERNAL_URL"],
    ["timeouts that are a number", { timeouts: 5 }, "ERR_FLEET_CONFIG_TYPE"],
    ["a timeout nobody knows", { timeouts: { conect: 5 } }, "ERR_FLEET_CONFIG_UNSUPPORTED"],
    ["a timeout that is none", { timeouts: { connect: "soon" } }, "ERR_FLEET_CONFIG_DURATION"],
    ["a timeout of 0", { timeouts: { command: 0 } }, "ERR_FLEET_CONFIG_DURATION"],
    [
      "a command timeout beyond what resends are recognised for",
      { backend: "redis://h", timeouts: { command: "9001ms" } },
      "ERR_FLEET_CONFIG_DURATION",
    ],
    ["maxPending of 0", { maxPending: 0 }, "ERR_FLEET_CONFIG_NUMBER"],
    ["maxPending as text", { maxPending: "5" }, "ERR_FLEET_CONFIG_NUMBER"],
    ["an option nobody knows", { namespcae: "a" }, "ERR_FLEET_CONFIG_UNSUPPORTED"],
  ])("refuse %s", (_, options, code) => {
    expect(codes({}, untyped(options))).toEqual([code]);
  });

  it("are an object", () => {
    expect(codes({}, untyped("redis://h"))).toEqual(["ERR_FLEET_CONFIG_TYPE"]);
    expect(codes({}, untyped(null))).toEqual(["ERR_FLEET_CONFIG_TYPE"]);
  });

  it("offer the nearest name, and leave alone the options of other rooms", () => {
    expect(failure({}, untyped({ namespcae: "a" })).message).toContain("did you mean namespace?");
    const options = untyped({ sessions: {}, logger: false });
    expect(resolve({}, options, { otherOptions: ["sessions", "logger"] }).backend.kind).toBe("memory");
  });

  it("tell all mistakes at once", () => {
    const backend = { kind: "cluster", nodes: ["a:0", {}], password: 1, colour: "red" };
    expect(codes({}, untyped({ backend, namespace: ":", maxPending: -1 }))).toEqual([
      "ERR_FLEET_CONFIG_NAMESPACE",
      "ERR_FLEET_CONFIG_NUMBER",
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      "ERR_FLEET_CONFIG_TYPE",
      "ERR_FLEET_CONFIG_PORT",
      "ERR_FLEET_CONFIG_NODE_HOST",
    ]);
  });
});
