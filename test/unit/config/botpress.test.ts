import { describe, expect, it } from "vitest";
import { codes, failure, notices, redis, resolve } from "./resolving.js";

const kind = (env: Record<string, string>) => resolve(env).backend.kind;

describe("CLUSTER_ENABLED", () => {
  it.each(["y", "yes", "true", "1", "on", "t", "TRUE", " Yes "])(
    "%j uses Redis, never as a cluster because of it",
    (text) => {
      expect(kind({ CLUSTER_ENABLED: text, REDIS_URL: "redis://h" })).toBe("single");
      expect(kind({ CLUSTER_ENABLED: text, REDIS_URL: '["h:1"]' })).toBe("cluster");
    },
  );

  it.each(["n", "no", "false", "0", "off", "f", "False"])("%j uses memory", (text) => {
    expect(kind({ CLUSTER_ENABLED: text })).toBe("memory");
    expect(resolve({ CLUSTER_ENABLED: text }).notices).toEqual([]);
  });

  it("is not needed: REDIS_URL alone means Redis", () => {
    expect(kind({ REDIS_URL: "redis://h" })).toBe("single");
    expect(kind({ CLUSTER_ENABLED: "", REDIS_URL: "redis://h" })).toBe("single");
  });

  it("off with REDIS_URL is memory and a warning; what is unused is not read", () => {
    const env = { CLUSTER_ENABLED: "false", REDIS_URL: "not a url", REDIS_OPTIONS: "{" };
    expect(resolve(env).backend).toEqual({ kind: "memory" });
    expect(notices(env)).toEqual(["WARN_FLEET_REDIS_UNUSED"]);
    expect(resolve(env).notices[0]?.message).toMatch(/REDIS_URL, REDIS_OPTIONS$/);
    expect(kind({ ...env, NODE_ENV: "production" })).toBe("memory");
  });

  it("on without REDIS_URL is an error, and neither memory nor localhost", () => {
    const error = failure({ CLUSTER_ENABLED: "true" });
    expect(error.code).toBe("ERR_FLEET_CONFIG_REQUIRED");
    expect(error.message).toBe("REDIS_URL is required when CLUSTER_ENABLED is true");
    expect(codes({ CLUSTER_ENABLED: "true", REDIS_URL: " ", NODE_ENV: "production" })).toEqual([
      "ERR_FLEET_CONFIG_REQUIRED",
    ]);
    expect(codes({ CLUSTER_ENABLED: "true", REDIS_OPTIONS: '{"password":"x"}' })).toEqual([
      "ERR_FLEET_CONFIG_REQUIRED",
    ]);
  });

  it.each<[Record<string, string>, string]>([
    [{ TYK_GW_STORAGE_ADDRS: "h" }, "h"],
    [{ SPRING_REDIS_HOST: "h" }, "h"],
    [{ SPRING_REDIS_URL: "redis://h" }, "h"],
    [{ REDIS_ENABLED: "true" }, "localhost"],
    [{ FLEET_CONFIG: "tyk.conf" }, "h"],
  ])("on is content with the address of another dialect: %j", (other, host) => {
    const more = { files: { "tyk.conf": '{"storage":{"addrs":["h"]}}' } };
    expect(redis({ CLUSTER_ENABLED: "true", ...other }, {}, more).nodes).toEqual([{ host, port: 6379 }]);
    const options = { CLUSTER_ENABLED: "true", REDIS_OPTIONS: '{"password":"p"}', ...other };
    expect(redis(options, {}, more).password).toBe("p");
    // Two dialects that name different servers are still a conflict.
    if (host === "h")
      expect(codes({ ...options, REDIS_URL: "redis://other" }, {}, more)).toEqual(["ERR_FLEET_CONFIG_CONFLICT"]);
  });

  it("on is not content with another dialect that has no address, or says memory", () => {
    for (const other of [{ TYK_GW_STORAGE_PASSWORD: "p" }, { SPRING_REDIS_PASSWORD: "p" }, { REDIS_ENABLED: "false" }])
      expect(codes({ CLUSTER_ENABLED: "true", ...other })).toEqual(["ERR_FLEET_CONFIG_REQUIRED"]);
    expect(codes({ CLUSTER_ENABLED: "true", REDIS_ENABLED: "true", NODE_ENV: "production" })).toEqual([
      "ERR_FLEET_CONFIG_REQUIRED",
    ]);
    expect(codes({ CLUSTER_ENABLED: "true", SPRING_REDIS_HOST: "h:" })).toEqual(["ERR_FLEET_CONFIG_PORT"]);
  });

  it.each(["maybe", "2", "tru", "enabled"])("%j is neither yes nor no", (text) => {
    expect(codes({ CLUSTER_ENABLED: text, NODE_ENV: "production" })).toEqual(["ERR_FLEET_CONFIG_BOOL"]);
  });
});

describe("the scope of Botpress", () => {
  it.each([
    ["bp", "bp", []],
    ["bp/prod", "bp/prod", []],
    ["bp/", "bp", []],
    ["bp:prod", "bp.prod", ["INFO_FLEET_NAMESPACE"]],
  ])("%j is the namespace %j", (scope, namespace, said) => {
    for (const name of ["BP_REDIS_SCOPE", "REDIS_SCOPE"]) {
      expect(resolve({ REDIS_URL: "redis://h", [name]: scope }).namespace).toBe(namespace);
      expect(notices({ REDIS_URL: "redis://h", [name]: scope })).toEqual(said);
    }
  });

  it.each(["a{b}", "a*", "a b", "a".repeat(65)])("refuses %j", (scope) => {
    expect(codes({ REDIS_URL: "redis://h", REDIS_SCOPE: scope })).toEqual(["ERR_FLEET_CONFIG_NAMESPACE"]);
  });

  it("must not differ from another name of the same thing", () => {
    const error = failure({ REDIS_URL: "redis://h", REDIS_SCOPE: "a", BP_REDIS_SCOPE: "b" });
    expect(error.code).toBe("ERR_FLEET_CONFIG_CONFLICT");
    expect(error.message).toContain("BP_REDIS_SCOPE and REDIS_SCOPE");
    expect(resolve({ REDIS_URL: "redis://h", REDIS_SCOPE: "a", BP_REDIS_SCOPE: "a/" }).namespace).toBe("a");
    expect(codes({ REDIS_URL: "redis://h", REDIS_SCOPE: "a", REDIS_OPTIONS: '{"keyPrefix":"b:"}' })).toEqual([
      "ERR_FLEET_CONFIG_CONFLICT",
    ]);
  });
});

describe("the other variables of Botpress", () => {
  it("uses EXTERNAL_URL", () => {
    expect(resolve({ EXTERNAL_URL: "https://bot.example.com/app" }).externalUrl?.href).toBe(
      "https://bot.example.com/app",
    );
    for (const wrong of ["<public_url>", "bot.example.com", "ftp://x", "https://u:p@x", "https://x/?a=1", "https://"]) {
      expect(codes({ EXTERNAL_URL: wrong })).toEqual(["ERR_FLEET_CONFIG_EXTERNAL_URL"]);
    }
  });

  it("lists in one notice what means nothing here", () => {
    const env = {
      CLUSTER_ENABLED: "true",
      REDIS_URL: "redis://h",
      PRO_ENABLED: "true",
      BP_LICENSE_KEY: "k",
      BPFS_STORAGE: "database",
      DATABASE_URL: "postgres://u:p@h/d",
    };
    const said = resolve(env).notices;
    expect(said).toEqual([
      {
        code: "INFO_FLEET_IGNORED",
        message:
          "variables of Botpress that mean nothing here: BPFS_STORAGE, BP_LICENSE_KEY, DATABASE_URL, PRO_ENABLED",
      },
    ]);
  });

  it("says nothing of a DATABASE_URL beside no other variable of Botpress", () => {
    expect(notices({ REDIS_URL: "redis://h", DATABASE_URL: "postgres://h/d" })).toEqual([]);
  });

  it("has no answer of its own to a broken REDIS_OPTIONS without REDIS_URL", () => {
    expect(codes({ REDIS_OPTIONS: "{password:x" })).toEqual(["ERR_FLEET_CONFIG_JSON"]);
    expect(codes({ REDIS_OPTIONS: "{password:x", CLUSTER_ENABLED: "true" })).toEqual(["ERR_FLEET_CONFIG_JSON"]);
  });

  it("does not take REDIS_OPTIONS alone for a backend", () => {
    const env = { REDIS_OPTIONS: '{"password":"x"}' };
    expect(resolve(env).backend.kind).toBe("memory");
    expect(notices(env)).toEqual(["WARN_FLEET_MEMORY", "WARN_FLEET_REDIS_UNUSED"]);
    expect(codes({ ...env, NODE_ENV: "production" })).toEqual(["ERR_FLEET_BACKEND_REQUIRED"]);
  });

  it("reads the password of a URL whose options have others", () => {
    expect(redis({ REDIS_URL: "redis://:a@h", REDIS_OPTIONS: '{"connectTimeout":20000}' })).toMatchObject({
      password: "a",
      timeouts: { connect: 20_000 },
    });
  });
});
