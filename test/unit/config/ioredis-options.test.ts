import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { fromIoredis } from "../../../src/config/from-ioredis.js";
import { ioredisOptions, isDefault } from "../../../src/config/ioredis-options.js";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { codes, notices } from "./resolving.js";

const lazyConnect = true;
const redis = (): Redis => new Redis({ lazyConnect });
const cluster = (): Cluster => new Cluster(["h:1"], { lazyConnect });

const built = dirname(createRequire(import.meta.url).resolve("ioredis"));
const declarations = [
  ["redis/RedisOptions.d.ts", "CommonRedisOptions"],
  ["utils/Commander.d.ts", "CommanderOptions"],
  ["connectors/SentinelConnector/index.d.ts", "SentinelConnectionOptions"],
  ["cluster/ClusterOptions.d.ts", "ClusterOptions"],
] as const;

/** The names that an interface declares, read from the types as they were installed. */
function declared(file: string, name: string): string[] {
  const text = readFileSync(join(built, file), "utf8");
  const body = new RegExp(`interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(text)?.[1] ?? "";
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map((match) => match[1] ?? "");
}

describe("the table of ioredis' options", () => {
  it.each(declarations)("has every option that %s declares", (file, name) => {
    const names = declared(file, name);
    expect(names.length).toBeGreaterThan(1);
    expect(names.filter((option) => !Object.hasOwn(ioredisOptions, option))).toEqual([]);
  });

  it("has no option that ioredis does not know", () => {
    // Those of net and tls are declared in parts that are not interfaces of ioredis.
    const known = new Set([
      ...declarations.flatMap(([file, name]) => declared(file, name)),
      "host",
      "port",
      "path",
      "family",
      "disconnectTimeout",
      "tls",
    ]);
    expect(Object.keys(ioredisOptions).filter((option) => !known.has(option))).toEqual([]);
  });

  it("does with each what it says, in REDIS_OPTIONS and in a client", () => {
    for (const [name, treatment] of Object.entries(ioredisOptions)) {
      const value = "something else";
      const env = { REDIS_URL: "redis://h", REDIS_OPTIONS: JSON.stringify({ [name]: value }) };
      const clients = [redis(), cluster()].map((client): FleetConfigOptions => {
        Object.assign(client.options, { [name]: value });
        return { backend: fromIoredis(client as Redis) };
      });
      if (treatment.how === "managed") {
        expect([name, notices(env)]).toEqual([name, ["WARN_FLEET_MANAGED_OPTION"]]);
        for (const options of name === "lazyConnect" ? [] : clients)
          expect([name, notices({}, options)]).toEqual([name, ["WARN_FLEET_MANAGED_OPTION"]]);
      } else if (treatment.how === "refused" || treatment.how === "fixed") {
        expect([name, codes(env)]).toEqual([name, ["ERR_FLEET_CONFIG_UNSUPPORTED"]]);
        for (const options of clients)
          expect([name, codes({}, options)]).toEqual([name, ["ERR_FLEET_CONFIG_UNSUPPORTED"]]);
      } else if (treatment.how === "address") {
        expect([name, codes(env)]).toEqual([name, ["ERR_FLEET_CONFIG_UNSUPPORTED"]]);
      }
    }
  });

  it("knows what ioredis gives a client by itself", () => {
    const given = Object.entries({ ...redis().options, ...cluster().options });
    expect(given.length).toBeGreaterThan(40);
    for (const [name, value] of given) {
      const treatment = ioredisOptions[name];
      if (treatment?.how === "managed" && name !== "lazyConnect")
        expect([name, isDefault(treatment.defaults, value)]).toEqual([name, true]);
      if (treatment?.how === "fixed") expect([name, value]).toEqual([name, treatment.value]);
      if (treatment?.how === "refused") expect([name, value ?? undefined]).toEqual([name, undefined]);
    }
  });

  it("refuses or leaves a function of its own where ioredis takes one", () => {
    const functions = [
      "retryStrategy",
      "reconnectOnError",
      "sentinelRetryStrategy",
      "sentinelReconnectStrategy",
      "clusterRetryStrategy",
      "clusterNodeRetryStrategy",
      "dnsLookup",
      "resolveSrv",
    ];
    for (const name of functions) {
      const client = redis();
      Object.assign(client.options, { [name]: () => 1 });
      expect([name, notices({}, { backend: fromIoredis(client) })]).toEqual([name, ["WARN_FLEET_MANAGED_OPTION"]]);
    }
    for (const name of ["Connector", "preferredSlaves", "scaleReads"]) {
      const client = redis();
      Object.assign(client.options, { [name]: () => 1 });
      expect([name, codes({}, { backend: fromIoredis(client) })]).toEqual([name, ["ERR_FLEET_CONFIG_UNSUPPORTED"]]);
    }
  });
});
