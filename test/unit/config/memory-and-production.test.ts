import { describe, expect, it } from "vitest";
import { codes, failure, notices, resolve } from "./resolving.js";

const production = { NODE_ENV: "production" };

describe("without a backend", () => {
  it("is memory outside production, and says so", () => {
    for (const env of [{}, { NODE_ENV: "development" }, { NODE_ENV: "test" }]) {
      expect(resolve(env).backend).toEqual({ kind: "memory" });
      expect(notices(env)).toEqual(["WARN_FLEET_MEMORY"]);
    }
  });

  it("is an error in production that names what was looked for", () => {
    const error = failure(production);
    expect(error.code).toBe("ERR_FLEET_BACKEND_REQUIRED");
    for (const name of ["backend in code", "FLEET_BACKEND", "REDIS_URL", "CLUSTER_ENABLED", "NODE_ENV"])
      expect(error.message).toContain(name);
    expect(error.help).toContain("FLEET_BACKEND=redis://");
  });

  it("is a warning when a variable was meant for Redis", () => {
    const { notices: said } = resolve({ FLEET_PASSWORD: "hunter2", FLEET_TLS: "true", FLEET_CONNECT_TIMEOUT: "1s" });
    expect(said.map((notice) => notice.code)).toEqual(["WARN_FLEET_MEMORY", "WARN_FLEET_REDIS_UNUSED"]);
    expect(said[1]?.message).toBe("the memory backend is used, and nothing uses FLEET_PASSWORD, FLEET_TLS");
  });
});

describe("memory by name", () => {
  it("is silent outside production", () => {
    expect(notices({ FLEET_BACKEND: "memory" })).toEqual([]);
    expect(notices({}, { backend: "memory" })).toEqual([]);
  });

  it("is allowed in production, with a warning", () => {
    expect(notices({ ...production, FLEET_BACKEND: "memory" })).toEqual(["WARN_FLEET_MEMORY"]);
    expect(notices(production, { backend: { memory: "demo" } })).toEqual(["WARN_FLEET_MEMORY"]);
  });

  it.each([
    ["pm2", { NODE_APP_INSTANCE: "0" }, {}],
    ["the variable of node:cluster", { NODE_UNIQUE_ID: "1" }, {}],
    ["a worker of node:cluster", {}, { clusterWorker: true }],
  ])("warns when it is one of several processes: %s", (_, env, more) => {
    expect(notices({ FLEET_BACKEND: "memory", ...env }, {}, more)).toEqual(["WARN_FLEET_MEMORY_MULTIPROCESS"]);
    expect(notices({ FLEET_BACKEND: "redis://h", ...env }, {}, more)).toEqual([]);
  });
});

describe("Redis in production", () => {
  it("is warned of when it is a single one", () => {
    expect(notices({ ...production, REDIS_URL: "redis://h" })).toEqual(["WARN_FLEET_SINGLE_IN_PRODUCTION"]);
    expect(notices({ REDIS_URL: "redis://h" })).toEqual([]);
  });

  it("is not warned of with sentinels or a cluster", () => {
    expect(notices({ ...production, REDIS_URL: "redis+sentinel://h/m" })).toEqual([]);
    expect(notices({ ...production, REDIS_URL: "redis+cluster://h" })).toEqual([]);
  });

  it("keeps its own mistakes", () => {
    expect(codes({ ...production, REDIS_URL: "redis://" })).toEqual(["ERR_FLEET_CONFIG_NODE_HOST"]);
  });
});
