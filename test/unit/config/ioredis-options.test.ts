import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ioredisOptions } from "../../../src/config/ioredis-options.js";
import { codes, notices } from "./resolving.js";

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

  it("does with each what it says", () => {
    for (const [name, treatment] of Object.entries(ioredisOptions)) {
      const env = { REDIS_URL: "redis://h", REDIS_OPTIONS: JSON.stringify({ [name]: "something else" }) };
      if (treatment.how === "managed") expect([name, notices(env)]).toEqual([name, ["WARN_FLEET_MANAGED_OPTION"]]);
      if (treatment.how === "refused" || treatment.how === "fixed")
        expect([name, codes(env)]).toEqual([name, ["ERR_FLEET_CONFIG_UNSUPPORTED"]]);
    }
  });
});
