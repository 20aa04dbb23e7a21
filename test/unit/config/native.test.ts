import { describe, expect, it } from "vitest";
import { nativeVariables } from "../../../src/config/environment.js";
import { codes, failure, notices, redis, resolve } from "./resolving.js";

describe("FLEET_* variables", () => {
  it("give everything that they are for", () => {
    const env = {
      FLEET_BACKEND: "redis+sentinel://s1,s2,s3",
      FLEET_NAMESPACE: "shop/prod",
      FLEET_INSTANCE: "web-7",
      FLEET_EXTERNAL_URL: "https://shop.example.com",
      FLEET_USERNAME: "bob",
      FLEET_PASSWORD: " keeps its spaces ",
      FLEET_SENTINEL_NAME: "mymaster",
      FLEET_SENTINEL_PASSWORD_FILE: "/run/secrets/sentinel",
      FLEET_TLS: "true",
      FLEET_TLS_CA_FILE: "/ca.pem",
      FLEET_TLS_CERT_FILE: "/cert.pem",
      FLEET_TLS_KEY_FILE: "/key.pem",
      FLEET_TLS_SERVERNAME: "redis.internal",
      FLEET_ADDRESS_MAP: "10.0.0.1:6379=localhost:7001",
      FLEET_CONNECT_TIMEOUT: "2s",
      FLEET_COMMAND_TIMEOUT: "1500ms",
    };
    const files = { "/run/secrets/sentinel": "x\n", "/ca.pem": "ca", "/cert.pem": "cert", "/key.pem": "key" };
    expect(redis(env, {}, { files })).toEqual({
      kind: "sentinel",
      nodes: ["s1", "s2", "s3"].map((host) => ({ host, port: 26_379 })),
      sentinel: { name: "mymaster", password: { file: "/run/secrets/sentinel" } },
      username: "bob",
      password: " keeps its spaces ",
      database: 0,
      tls: { caFile: "/ca.pem", certFile: "/cert.pem", keyFile: "/key.pem", servername: "redis.internal" },
      addressMap: { "10.0.0.1:6379": { host: "localhost", port: 7001 } },
      timeouts: { connect: 2000, command: 1500, start: 10_000 },
      maxPending: 10_000,
    });
    const config = resolve(env, {}, { files });
    expect(config).toMatchObject({ namespace: "shop/prod", instance: "web-7", notices: [] });
    expect(config.externalUrl?.href).toBe("https://shop.example.com/");
  });

  it("take memory, and every form of REDIS_URL, as FLEET_BACKEND", () => {
    expect(resolve({ FLEET_BACKEND: "memory" }).backend).toEqual({ kind: "memory" });
    expect(resolve({ FLEET_BACKEND: "memory" }).notices).toEqual([]);
    expect(redis({ FLEET_BACKEND: '["a:1","b:2"]' }).kind).toBe("cluster");
    expect(redis({ FLEET_BACKEND: "[::1]:6379" }).kind).toBe("single");
    expect(failure({ FLEET_BACKEND: "[{host:a}]" }).help).toBe(`FLEET_BACKEND='[{"host":"a"}]'`);
  });

  it("count as not set when they are empty", () => {
    const empty = Object.fromEntries([...nativeVariables, "FLEET_CONFIG", "FLEET_UNKNOWN"].map((name) => [name, ""]));
    expect(resolve(empty)).toEqual(resolve({}));
  });

  it("read a password from a file, anew at each connection", () => {
    const env = { FLEET_BACKEND: "redis://h", FLEET_PASSWORD_FILE: "/run/secrets/redis" };
    expect(redis(env, {}, { files: { "/run/secrets/redis": "pw\n" } }).password).toEqual({
      file: "/run/secrets/redis",
    });
    expect(codes(env)).toEqual(["ERR_FLEET_CONFIG_FILE"]);
    expect(codes(env, {}, { files: { "/run/secrets/redis": "\n" } })).toEqual(["ERR_FLEET_CONFIG_FILE"]);
  });

  it("do not print what was written where a path was asked for", () => {
    const error = failure({ FLEET_BACKEND: "redis://h", FLEET_PASSWORD_FILE: "hunter2" });
    expect(error.message).toBe("the file that FLEET_PASSWORD_FILE names cannot be read (ENOENT)");
    expect(error.cause).toBeUndefined();
  });

  it("turn TLS on by naming a certificate, and never half", () => {
    expect(redis({ FLEET_BACKEND: "redis://h", FLEET_TLS_SERVERNAME: "s" }).tls).toEqual({ servername: "s" });
    expect(redis({ FLEET_BACKEND: "redis://h", FLEET_TLS: "on" }).tls).toEqual({});
    expect(redis({ FLEET_BACKEND: "redis://h", FLEET_TLS: "off" }).tls).toBeUndefined();
    expect(codes({ FLEET_BACKEND: "redis://h", FLEET_TLS: "off", FLEET_TLS_SERVERNAME: "s" })).toEqual([
      "ERR_FLEET_CONFIG_CONFLICT",
    ]);
    expect(codes({ FLEET_BACKEND: "rediss://h", FLEET_TLS: "off" })).toEqual(["ERR_FLEET_CONFIG_CONFLICT"]);
    expect(codes({ FLEET_BACKEND: "rediss://h", FLEET_TLS_CERT_FILE: "/c" }, {}, { files: { "/c": "c" } })).toEqual([
      "ERR_FLEET_CONFIG_TLS_PAIR",
    ]);
    expect(codes({ FLEET_BACKEND: "rediss://h", FLEET_TLS_CA_FILE: "/c" })).toEqual(["ERR_FLEET_CONFIG_FILE"]);
  });

  it.each([
    ["a password twice", { FLEET_PASSWORD: "a", FLEET_PASSWORD_FILE: "/f" }, "ERR_FLEET_CONFIG_CONFLICT"],
    ["a user name alone", { FLEET_USERNAME: "u" }, "ERR_FLEET_CONFIG_AUTH"],
    ["a primary's name for one server", { FLEET_SENTINEL_NAME: "m" }, "ERR_FLEET_CONFIG_SENTINEL_INCOMPLETE"],
    [
      "a primary's name for a cluster",
      { FLEET_BACKEND: "redis+cluster://h", FLEET_SENTINEL_NAME: "m" },
      "ERR_FLEET_CONFIG_AMBIGUOUS_MODE",
    ],
    ["sentinels without a name", { FLEET_BACKEND: "redis+sentinel://h" }, "ERR_FLEET_CONFIG_SENTINEL_NAME"],
    ["a namespace with a colon", { FLEET_NAMESPACE: "a:b" }, "ERR_FLEET_CONFIG_NAMESPACE"],
    ["a namespace of braces", { FLEET_NAMESPACE: "{}" }, "ERR_FLEET_CONFIG_NAMESPACE"],
    ["an instance with a space", { FLEET_INSTANCE: "web 1" }, "ERR_FLEET_CONFIG_INSTANCE"],
    ["an external URL that is none", { FLEET_EXTERNAL_URL: "shop" }, "ERR_FLEET_CONFIG_EXTERNAL_URL"],
    ["a switch that is none", { FLEET_TLS: "perhaps" }, "ERR_FLEET_CONFIG_BOOL"],
    ["a time without unit", { FLEET_COMMAND_TIMEOUT: "3000" }, "ERR_FLEET_CONFIG_DURATION"],
    ["a time that is none", { FLEET_CONNECT_TIMEOUT: "soon" }, "ERR_FLEET_CONFIG_DURATION"],
    ["a time of 0", { FLEET_CONNECT_TIMEOUT: "0s" }, "ERR_FLEET_CONFIG_DURATION"],
    ["a time that no timer holds", { FLEET_CONNECT_TIMEOUT: "25d" }, "ERR_FLEET_CONFIG_DURATION"],
  ])("refuse %s", (_, env, code) => {
    expect(codes({ FLEET_BACKEND: "redis://h", ...env })).toEqual([code]);
  });

  it("warn of names that nobody reads, with the nearest one, and never print a value", () => {
    const { notices: said } = resolve({ FLEET_BACKEND: "memory", FLEET_PASSWROD: "hunter2", FLEET_COLOUR: "red" });
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({
      code: "WARN_FLEET_UNKNOWN_VARIABLE",
      message: "nobody reads FLEET_COLOUR, FLEET_PASSWROD (did you mean FLEET_PASSWORD?)",
    });
  });

  it("say nothing of what Kubernetes sets for a Service named fleet", () => {
    const env = {
      FLEET_SERVICE_HOST: "10.0.0.1",
      FLEET_SERVICE_PORT: "80",
      FLEET_PORT: "tcp://10.0.0.1:80",
      FLEET_PORT_80_TCP_ADDR: "10.0.0.1",
      FLEET_SERVICE_PORT_HTTP: "80",
    };
    expect(notices({ FLEET_BACKEND: "memory", ...env })).toEqual([]);
  });

  it("tell all mistakes at once", () => {
    const error = failure({
      FLEET_BACKEND: "redis://h:x",
      FLEET_NAMESPACE: "a:b",
      FLEET_TLS: "perhaps",
      FLEET_ADDRESS_MAP: "f",
      EXTERNAL_URL: "shop",
    });
    expect(error.problems.map((problem) => problem.code)).toEqual([
      "ERR_FLEET_CONFIG_NAMESPACE",
      "ERR_FLEET_CONFIG_BOOL",
      "ERR_FLEET_CONFIG_ADDRESS_MAP",
      "ERR_FLEET_CONFIG_PORT",
      "ERR_FLEET_CONFIG_EXTERNAL_URL",
    ]);
    expect(error.message).toMatch(/^5 problems/);
  });
});
