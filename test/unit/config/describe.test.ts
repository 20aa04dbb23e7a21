import { describe, expect, it } from "vitest";
import { describeStart } from "../../../src/config/describe.js";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { type Env, resolve } from "./resolving.js";

const tail = ", namespace fleet (default), instance web-1-42 (default)";

describe("the line at start", () => {
  it.each<[Env, FleetConfigOptions, string]>([
    [{}, {}, `backend memory (default)${tail}`],
    [{}, { backend: { memory: "demo" } }, `backend memory "demo" (code: backend)${tail}`],
    [{ CLUSTER_ENABLED: "no" }, {}, `backend memory (CLUSTER_ENABLED)${tail}`],
    [{ REDIS_URL: "redis://bob:hunter2@host:6379" }, {}, `backend single redis://***@host:6379/0 (REDIS_URL)${tail}`],
    [{ REDIS_URL: "redis://host?password=hunter2" }, {}, `backend single redis://***@host:6379/0 (REDIS_URL)${tail}`],
    [{ REDIS_URL: "/redis.sock?db=3" }, {}, `backend single /redis.sock?db=3 (REDIS_URL)${tail}`],
    [
      {},
      { backend: "rediss+sentinel://s1,[::1]:1/my master/2" },
      `backend sentinel rediss+sentinel://s1:26379,[::1]:1/my%20master/2 (code: backend)${tail}`,
    ],
    [
      { FLEET_BACKEND: "redis+cluster://a,b:1", FLEET_PASSWORD: "hunter2" },
      {},
      `backend cluster redis+cluster://***@a:6379,b:1 (FLEET_BACKEND)${tail}, password (FLEET_PASSWORD)`,
    ],
    [
      {
        FLEET_BACKEND: "redis://h",
        FLEET_NAMESPACE: "shop",
        FLEET_CONNECT_TIMEOUT: "1s",
        REDIS_OPTIONS: '{"commandTimeout":2000}',
      },
      { instance: "i", timeouts: { start: "1m" }, maxPending: 5, externalUrl: "https://shop.example.com/a" },
      "backend single redis://h:6379/0 (FLEET_BACKEND), namespace shop (FLEET_NAMESPACE), instance i (code: instance), " +
        "external URL https://shop.example.com/a (code: externalUrl), timeouts.connect 1000 ms (FLEET_CONNECT_TIMEOUT), " +
        "timeouts.command 2000 ms (REDIS_OPTIONS.commandTimeout), timeouts.start 60000 ms (code: timeouts.start), maxPending 5 (code: maxPending)",
    ],
  ])("%j %j", (env, options, line) => {
    expect(describeStart(resolve(env, options))).toBe(`express-fleet: ${line}`);
  });
});
