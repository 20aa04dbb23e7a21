import { describe, expect, it } from "vitest";
import { codes, notices, redis, resolve } from "./resolving.js";

describe("what counts more", () => {
  const dialect = {
    REDIS_URL: "redis://dialect",
    REDIS_OPTIONS: '{"keyPrefix":"dialect:","connectTimeout":1000}',
    EXTERNAL_URL: "https://dialect.example.com",
  };
  const native = {
    FLEET_BACKEND: "redis://native",
    FLEET_NAMESPACE: "native",
    FLEET_CONNECT_TIMEOUT: "2s",
    FLEET_EXTERNAL_URL: "https://native.example.com",
  };
  const code = {
    backend: "redis://code",
    namespace: "code",
    timeouts: { connect: "3s" },
    externalUrl: "https://code.example.com",
  } as const;

  it.each([
    ["code before all", { ...dialect, ...native }, code, "code", 3000],
    ["code before the dialect", dialect, code, "code", 3000],
    ["native variables before the dialect", { ...dialect, ...native }, {}, "native", 2000],
    ["the dialect before the defaults", dialect, {}, "dialect", 1000],
  ])("%s", (_, env, options, winner, connect) => {
    const config = resolve(env, options);
    expect(config.namespace).toBe(winner);
    expect(config.externalUrl?.hostname).toBe(`${winner}.example.com`);
    expect(redis(env, options)).toMatchObject({ nodes: [{ host: winner }], timeouts: { connect } });
  });

  it("is decided value by value", () => {
    const env = {
      FLEET_PASSWORD: "native",
      FLEET_CONNECT_TIMEOUT: "2s",
      REDIS_OPTIONS: '{"password":"dialect","commandTimeout":1000}',
    };
    expect(redis(env, { backend: "redis://code" })).toMatchObject({
      nodes: [{ host: "code" }],
      password: "native",
      timeouts: { connect: 2000, command: 1000 },
    });
  });

  it("but what an address carries goes nowhere else", () => {
    const env = { REDIS_URL: "rediss://bob:hunter2@other:1/3" };
    expect(redis(env, { backend: "redis://code" })).toEqual(redis({}, { backend: "redis://code" }));
    expect(redis({ ...env, FLEET_BACKEND: "redis://native" })).toEqual(redis({ FLEET_BACKEND: "redis://native" }));
  });

  it("FLEET_PASSWORD wins over the URL of the environment and not over the one in code", () => {
    expect(redis({ FLEET_PASSWORD: "file", FLEET_BACKEND: "redis://u:url@h" })).toMatchObject({
      username: "u",
      password: "file",
    });
    expect(redis({ FLEET_PASSWORD: "file", REDIS_URL: "redis://u:url@h" })).toMatchObject({
      username: "u",
      password: "file",
    });
    expect(redis({ FLEET_PASSWORD: "file" }, { backend: "redis://u:url@h" })).toMatchObject({
      username: "u",
      password: "url",
    });
  });

  it("merges TLS value by value, and text and file of a certificate as one value", () => {
    const env = { FLEET_TLS_CA_FILE: "/ca", FLEET_TLS_SERVERNAME: "native" };
    const files = { "/ca": "ca" };
    expect(redis(env, { backend: { url: "redis://h", tls: { servername: "code" } } }, { files }).tls).toEqual({
      caFile: "/ca",
      servername: "code",
    });
    expect(redis(env, { backend: { url: "redis://h", tls: { ca: "pem" } } }, { files }).tls).toEqual({
      ca: "pem",
      servername: "native",
    });
    expect(redis({ FLEET_TLS: "true" }, { backend: { url: "redis://h", tls: false } }).tls).toBeUndefined();
  });
});

describe("what is overridden", () => {
  it.each([
    ["FLEET_BACKEND by code", { FLEET_BACKEND: "redis://h" }, { backend: "memory" }],
    ["REDIS_URL by code", { REDIS_URL: "redis://h" }, { backend: "memory" }],
    ["REDIS_OPTIONS by memory in code", { REDIS_OPTIONS: '{"password":"x"}' }, { backend: "memory" }],
    ["REDIS_URL by FLEET_BACKEND", { REDIS_URL: "redis://h", FLEET_BACKEND: "redis://h" }, {}],
    ["CLUSTER_ENABLED=false by FLEET_BACKEND", { CLUSTER_ENABLED: "false", FLEET_BACKEND: "redis://h" }, {}],
    ["CLUSTER_ENABLED=true by memory in code", { CLUSTER_ENABLED: "true" }, { backend: "memory" }],
    [
      "sentinels of the dialect by FLEET_BACKEND",
      { REDIS_OPTIONS: '{"sentinels":["s1"]}', FLEET_BACKEND: "redis://h" },
      {},
    ],
  ])("%s is named once", (_, env, options) => {
    expect(notices(env, options)).toEqual(["INFO_FLEET_OVERRIDDEN"]);
  });

  it("is not read, so that code can always do without the environment", () => {
    expect(
      resolve({ FLEET_BACKEND: "nonsense", REDIS_URL: "{", REDIS_OPTIONS: "{" }, { backend: "memory" }).backend,
    ).toEqual({ kind: "memory" });
    expect(
      redis({ REDIS_URL: "{", EXTERNAL_URL: "x" }, { backend: "redis://h", externalUrl: "https://y" }).nodes,
    ).toMatchObject([{ host: "h" }]);
  });

  it("CLUSTER_ENABLED=true is content with a Redis that is named elsewhere", () => {
    expect(redis({ CLUSTER_ENABLED: "true", FLEET_BACKEND: "redis://h" }).kind).toBe("single");
    expect(notices({ CLUSTER_ENABLED: "true", FLEET_BACKEND: "redis://h" })).toEqual([]);
  });

  it("sentinel values of a weaker source are unused for another topology, and named", () => {
    expect(notices({ FLEET_BACKEND: "redis://h", REDIS_OPTIONS: '{"name":"m","sentinelPassword":"x"}' })).toEqual([
      "WARN_FLEET_UNUSED",
    ]);
    expect(notices({ FLEET_BACKEND: "redis://h", FLEET_SENTINEL_PASSWORD: "x" })).toEqual(["WARN_FLEET_UNUSED"]);
  });

  it("a mistake is told once, and no default takes its place", () => {
    expect(codes({ FLEET_BACKEND: "nonsense", NODE_ENV: "production" })).toEqual(["ERR_FLEET_CONFIG_URL"]);
    expect(codes({ REDIS_URL: "nonsense", NODE_ENV: "production" })).toEqual(["ERR_FLEET_CONFIG_URL"]);
    expect(codes({ REDIS_URL: "redis://h" }, { backend: "nonsense" })).toEqual(["ERR_FLEET_CONFIG_URL"]);
  });
});

describe("where values came from", () => {
  it("is known of every value of a Redis backend", () => {
    const env = {
      REDIS_URL: "redis+sentinel://u:p@s1/m",
      FLEET_SENTINEL_PASSWORD: "sp",
      REDIS_OPTIONS: '{"connectTimeout":1,"tls":{"servername":"s"}}',
    };
    expect(resolve(env, { namespace: "n", maxPending: 7 }).provenance).toEqual({
      "backend.kind": { origin: "env", name: "REDIS_URL" },
      "backend.nodes": { origin: "env", name: "REDIS_URL" },
      "backend.username": { origin: "env", name: "REDIS_URL" },
      "backend.password": { origin: "env", name: "REDIS_URL" },
      "backend.database": { origin: "default", name: "default" },
      "backend.sentinel.name": { origin: "env", name: "REDIS_URL" },
      "backend.sentinel.password": { origin: "env", name: "FLEET_SENTINEL_PASSWORD" },
      "backend.tls": { origin: "env", name: "REDIS_OPTIONS.tls" },
      "backend.tls.servername": { origin: "env", name: "REDIS_OPTIONS.tls.servername" },
      "backend.timeouts.connect": { origin: "env", name: "REDIS_OPTIONS.connectTimeout" },
      "backend.timeouts.command": { origin: "default", name: "default" },
      "backend.timeouts.start": { origin: "default", name: "default" },
      "backend.maxPending": { origin: "code", name: "maxPending" },
      namespace: { origin: "code", name: "namespace" },
      instance: { origin: "default", name: "host name and process id" },
    });
  });

  it("is known of memory", () => {
    expect(resolve({ FLEET_INSTANCE: "i" }, { backend: { memory: "demo" } }).provenance).toEqual({
      "backend.kind": { origin: "code", name: "backend" },
      "backend.name": { origin: "code", name: "backend.memory" },
      namespace: { origin: "default", name: "default" },
      instance: { origin: "env", name: "FLEET_INSTANCE" },
    });
    expect(resolve({}).provenance["backend.kind"]).toEqual({ origin: "default", name: "default" });
    expect(resolve({ CLUSTER_ENABLED: "no" }).provenance["backend.kind"]).toEqual({
      origin: "env",
      name: "CLUSTER_ENABLED",
    });
  });
});
