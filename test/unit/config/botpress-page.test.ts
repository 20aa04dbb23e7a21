import { describe, expect, it } from "vitest";
import { describeStart } from "../../../src/config/describe.js";
import { type Env, failure, redis, resolve } from "./resolving.js";

// The snippets of Botpress' page on clustering, as a process gets them; placeholders are filled in where it says so.
const around: Env = { BPFS_STORAGE: "database", DATABASE_URL: "postgres://login:password@host:5432/database" };
const filledIn: Env = { ...around, CLUSTER_ENABLED: "true", EXTERNAL_URL: "https://bot.example.com" };
const list = '[{"host":"localhost","port":7004},{"host":"localhost","port":7001},{"host":"localhost","port":7002}]';

describe("the page of Botpress on clustering", () => {
  it("Enable Redis, binary: a single server", () => {
    const env = { ...filledIn, BP_CONFIG_PRO_LICENSEKEY: "<license_key>", REDIS_URL: "redis://redis-1:6379" };
    expect(redis(env)).toMatchObject({ kind: "single", nodes: [{ host: "redis-1", port: 6379 }] });
    expect(resolve(env).notices.map((notice) => notice.code)).toEqual(["INFO_FLEET_IGNORED"]);
    expect(describeStart(resolve(env))).toBe(
      "express-fleet: backend single redis://redis-1:6379/0 (REDIS_URL), namespace fleet (default), instance web-1-42 (default), external URL https://bot.example.com/ (EXTERNAL_URL)",
    );
  });

  it("Enable Redis, Docker: the same", () => {
    const env = {
      ...filledIn,
      PRO_ENABLED: "true",
      BP_LICENSE_KEY: "<license_key>",
      REDIS_URL: "redis://redis-1:6379",
    };
    expect(redis(env)).toMatchObject({ kind: "single", nodes: [{ host: "redis-1", port: 6379 }] });
  });

  it("Enable Redis with the placeholders left in: both are told, with their mending", () => {
    const error = failure({
      ...around,
      CLUSTER_ENABLED: "true",
      EXTERNAL_URL: "<public_url>",
      REDIS_URL: "redis://host:port",
    });
    expect(error.problems.map((problem) => problem.code)).toEqual([
      "ERR_FLEET_CONFIG_EXTERNAL_URL",
      "ERR_FLEET_CONFIG_PORT",
    ]);
    expect(error.problems.every((problem) => problem.help !== undefined)).toBe(true);
  });

  it("Enable Redis Replication: the seeds of a cluster", () => {
    expect(redis({ ...filledIn, REDIS_URL: list })).toMatchObject({
      kind: "cluster",
      nodes: [7004, 7001, 7002].map((port) => ({ host: "localhost", port })),
    });
  });

  it("Enable Redis Replication as a shell leaves it: the exact line to use", () => {
    const error = failure({ ...filledIn, REDIS_URL: list.replaceAll('"', "") });
    expect(error.code).toBe("ERR_FLEET_CONFIG_JSON");
    expect(error.message).toContain("its double quotes were eaten by a shell");
    expect(error.help).toBe(`REDIS_URL='${list}'`);
  });

  it("Enable Redis Replication in docker run, where the shell expands the braces too", () => {
    for (const left of ["[host:localhost,host:localhost,host:localhost]", "[port:7004,port:7001,port:7002]"]) {
      const error = failure({ ...filledIn, REDIS_URL: left });
      expect(error.code).toBe("ERR_FLEET_CONFIG_JSON");
      expect(error.message).toContain("expanded the braces");
      expect(error.help).toMatch(/^REDIS_URL='\[{"host":/);
    }
  });

  it("Enable Redis Replication as the page prints it: its missing backslash sets nothing for the app", () => {
    const lost = { DATABASE_URL: "postgres://login:password@host:5432/database" };
    expect(resolve(lost).notices.map((notice) => notice.code)).toEqual(["WARN_FLEET_MEMORY"]);
    const error = failure({ ...lost, NODE_ENV: "production" });
    expect(error.code).toBe("ERR_FLEET_BACKEND_REQUIRED");
    expect(error.message).toContain("FLEET_BACKEND, REDIS_URL, CLUSTER_ENABLED");
    expect(error.help).toContain("on the line of the command or be exported");
  });

  it("Advanced Redis Options", () => {
    const env = { ...filledIn, REDIS_URL: list, REDIS_OPTIONS: '{"password":"admin123", "connectTimeout": 20000}' };
    expect(redis(env)).toMatchObject({
      kind: "cluster",
      password: "admin123",
      timeouts: { connect: 20_000, command: 8000, start: 40_000 },
    });
  });

  it("Advanced Redis Options as a shell leaves them, cut at the space: the lost password stops the start", () => {
    const error = failure({ ...filledIn, REDIS_URL: list, REDIS_OPTIONS: "{password:admin123," });
    expect(error.code).toBe("ERR_FLEET_CONFIG_JSON");
    expect(error.message).toContain("eaten by a shell");
    expect(error.message).toContain("cut it at the first space");
    expect(error.help).toBe(`REDIS_OPTIONS='{"password":"***"}'`);
    expect(error.message).not.toContain("admin123");
  });

  it("Advanced Redis Options in docker run", () => {
    for (const left of ["password:admin123", "connectTimeout:20000", "{password:admin123, connectTimeout: 20000}"]) {
      const error = failure({ ...filledIn, REDIS_URL: list, REDIS_OPTIONS: left });
      expect(error.help).toBe(`REDIS_OPTIONS='{"password":"***","connectTimeout":20000}'`);
      expect(error.message).not.toContain("admin123");
    }
  });
});
