import { describe, expect, it } from "vitest";
import type { NodeAddress } from "../../../src/config/backend-config.js";
import { describeStart } from "../../../src/config/describe.js";
import type { AddressMapOption, FleetConfigOptions } from "../../../src/config/options.js";
import { type Env, codes, failure, notices, redis, resolve } from "./resolving.js";

const at = (host: string, port: number): NodeAddress => ({ host, port });
const env = (text: string): Env => ({ FLEET_BACKEND: "redis+cluster://h", FLEET_ADDRESS_MAP: text });
const code = (addressMap: unknown) => ({ backend: { url: "redis://h", addressMap } }) as FleetConfigOptions;

describe("an address map", () => {
  it.each<[string, AddressMapOption, Readonly<Record<string, NodeAddress>>]>([
    ["one address", "10.0.0.1:6379=localhost:7001", { "10.0.0.1:6379": at("localhost", 7001) }],
    ["several", "a:1=b:2, c:3 = d:4", { "a:1": at("b", 2), "c:3": at("d", 4) }],
    [
      "IPv6, in its shortest form",
      "[0:0:0:0:0:0:0:1]:6379=[::2]:7001,[FE80::A]:1=a:2",
      { "[::1]:6379": at("::2", 7001), "[fe80::a]:1": at("a", 2) },
    ],
    ["JSON", '{"a:1":"b:2","c:3":{"host":"d","port":4}}', { "a:1": at("b", 2), "c:3": at("d", 4) }],
    ["the same twice", "a:1=b:2,a:1=b:2", { "a:1": at("b", 2) }],
    ["an object", { "a:1": "b:2", "c:3": { host: "::1", port: 4 } }, { "a:1": at("b", 2), "c:3": at("::1", 4) }],
    ["nothing", {}, {}],
  ])("may have %s", (_, given, expected) => {
    if (typeof given === "string") expect(redis(env(given)).addressMap).toEqual(expected);
    expect(redis({}, code(given)).addressMap).toEqual(expected);
    const nodes = { kind: "sentinel", nodes: ["s"], sentinel: { name: "m" }, addressMap: given } as const;
    expect(redis({}, { backend: nodes }).addressMap).toEqual(expected);
    const files = { "f.json": JSON.stringify(code(given)) };
    expect(redis({}, { config: "f.json" }, { files }).addressMap).toEqual(expected);
  });

  it("may be a text in .properties", () => {
    const files = { "f.properties": "backend.url=redis://h\nbackend.addressMap=10.0.0.1:1=b:2,c:3=d:4" };
    expect(redis({}, { config: "f.properties" }, { files }).addressMap).toEqual({
      "10.0.0.1:1": at("b", 2),
      "c:3": at("d", 4),
    });
  });

  it("may be a function in code, which is not called before a connection is made", () => {
    const map = (): never => {
      throw new Error("called");
    };
    expect(redis({}, code(map)).addressMap).toBe(map);
  });

  it("is not there unless it is given", () => {
    expect(redis({ REDIS_URL: "redis://h" })).not.toHaveProperty("addressMap");
  });

  it.each<[string, string, string]>([
    ["10.0.0.1=10.0.0.2", "the announced address has no port", "10.0.0.1:6379=10.0.0.2:6379"],
    ["10.0.0.1:7000=::1", "the address to dial is IPv6 without brackets", "10.0.0.1:7000=[::1]:6379"],
    ["::1:7=10.0.0.2:1", "the announced address is IPv6 without brackets", "[::1]:7=10.0.0.2:1"],
    ["[::1]=h:1", "the announced address has no port", "10.0.0.1:6379=localhost:7001"],
    ["[::1]=[::2]", "the announced address has no port", "[::1]:6379=[::2]:6379"],
    ["a:1=", "the address to dial is missing", "10.0.0.1:6379=localhost:7001"],
    ["a:1", "the address to dial is missing", ""],
    ["=a:1", "the announced address is missing", ""],
    ["a:1=b:0", "the address to dial has a port that is not 1 to 65535", ""],
    ["a:123456=b:1", "the announced address has a port", ""],
    ["a:1=redis://u:p@b:1", "the address to dial has no valid host", ""],
    ["a:1=[b]:1", "the address to dial has no valid host", ""],
    ["a:1=b:1=c:1", "the address to dial is missing", ""],
    ["a:1=b:1,a:1=c:1", "entry 2: its announced address has another address to dial already", ""],
    ["a:1=b:1,", "entry 2: the announced address is missing", ""],
    ["a:1=b:1,c=d:1", "entry 2: the announced address has no port", ""],
  ])("%j is refused with its place", (text, said, line) => {
    for (const [error, name] of [
      [failure(env(text)), "FLEET_ADDRESS_MAP"],
      [failure({}, code(text)), "backend.addressMap"],
    ] as const) {
      expect(error.problems.map((problem) => problem.code)).toEqual(["ERR_FLEET_CONFIG_ADDRESS_MAP"]);
      expect(error.message).toContain(name);
      expect(error.message).toContain(said);
    }
    if (line !== "") expect(failure(env(text)).help).toBe(`FLEET_ADDRESS_MAP=${line}`);
  });

  it.each<[string, unknown]>([
    ["a number", 7],
    ["null", null],
    ["a list", ["a:1=b:2"]],
    ["an empty text", ""],
    ["an object without ports", { a: "b" }],
    ["an object with another inside", { "a:1": { host: "b" } }],
    ["a port that is none", { "a:1": { host: "b", port: {} } }],
  ])("%s is refused", (_, value) => {
    expect(codes({}, code(value))).toEqual(["ERR_FLEET_CONFIG_ADDRESS_MAP"]);
  });

  it("as broken JSON has the place of its mistake", () => {
    const error = failure(env('{"10.0.0.1:6379":"localhost:7001"'));
    expect(error.code).toBe("ERR_FLEET_CONFIG_JSON");
    expect(error.message).toContain("FLEET_ADDRESS_MAP is not valid JSON at line 1, column 34");
    expect(error.help).toBe(`FLEET_ADDRESS_MAP='{"10.0.0.1:6379":"localhost:7001"}'`);
  });

  it("never shows what may be a misplaced secret", () => {
    const texts = [
      "hunter2=hunter3",
      "a:1=redis://:hunter2@b:1",
      "hunter2:1=b",
      '{"hunter2":"hunter3"}',
      '{"hunter2":',
    ];
    for (const text of texts) {
      const error = failure(env(text));
      expect(`${error.message} ${error.help}`).not.toContain("hunter");
    }
  });

  it("of code counts more than that of the environment, as a whole", () => {
    const both = redis({ FLEET_ADDRESS_MAP: "x:1=y:2", REDIS_OPTIONS: '{"natMap":{}}' }, code({ "a:1": "b:2" }));
    expect(both.addressMap).toEqual({ "a:1": at("b", 2) });
  });

  it("is named at the start, and warned of when nothing uses it", () => {
    expect(describeStart(resolve(env("a:1=b:2")))).toContain("addressMap (FLEET_ADDRESS_MAP)");
    expect(notices({ FLEET_BACKEND: "memory", FLEET_ADDRESS_MAP: "a:1=b:2" })).toEqual(["WARN_FLEET_REDIS_UNUSED"]);
  });
});

describe("ioredis' natMap", () => {
  const options = (natMap: unknown): Env => ({
    REDIS_URL: '["a:1"]',
    REDIS_OPTIONS: JSON.stringify({ natMap }),
  });

  it("is an address map", () => {
    const natMap = { "10.0.0.1:6379": { host: "localhost", port: 7001 }, "::1:1": { host: "::2", port: "2" } };
    expect(redis(options(natMap)).addressMap).toEqual({
      "10.0.0.1:6379": at("localhost", 7001),
      "[::1]:1": at("::2", 2),
    });
    expect(notices(options(natMap))).toEqual([]);
    expect(redis(options(null))).not.toHaveProperty("addressMap");
  });

  it("has its own line to write", () => {
    const error = failure(options({ "10.0.0.1:6379": { host: "10.1.0.1" } }));
    expect(error.code).toBe("ERR_FLEET_CONFIG_ADDRESS_MAP");
    expect(error.message).toBe("REDIS_OPTIONS.natMap: the address to dial has no port: write host:port");
    expect(error.help).toBe('"natMap":{"10.0.0.1:6379":{"host":"10.1.0.1","port":6379}}');
    expect(codes(options("a:1=b:1"))).toEqual(["ERR_FLEET_CONFIG_ADDRESS_MAP"]);
  });
});
