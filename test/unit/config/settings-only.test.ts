import { describe, expect, it } from "vitest";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { codes, notices, redis, resolve } from "./resolving.js";

const password = () => "x";

describe("a backend in code without an address", () => {
  it("has settings for the address that the environment gives", () => {
    const options: FleetConfigOptions = { backend: { username: "u", password, tls: { servername: "s" } } };
    const addresses = [
      { FLEET_BACKEND: "redis://:other@h" },
      { REDIS_URL: "redis://:other@h" },
      { TYK_GW_STORAGE_ADDRS: "h" },
      { SPRING_REDIS_HOST: "h" },
    ];
    for (const env of addresses)
      expect(redis(env, options)).toMatchObject({
        nodes: [{ host: "h", port: 6379 }],
        username: "u",
        password,
        tls: { servername: "s" },
      });
    const files = { "t.conf": '{"storage":{"addrs":["h"]}}' };
    expect(redis({}, { ...options, config: "t.conf" }, { files }).password).toBe(password);
  });

  it("gives the password that Tyk's sign-in by IAM asks for", () => {
    const env = { TYK_GW_STORAGE_ADDRS: "h", TYK_GW_STORAGE_IAMAUTH_ENABLED: "true" };
    expect(codes(env)).toEqual(["ERR_FLEET_CONFIG_PROVIDER_REQUIRED"]);
    expect(redis(env, { backend: { password } }).password).toBe(password);
  });

  it("names the primary of sentinels, and translates addresses", () => {
    const backend = { sentinel: { name: "m", password }, addressMap: { "a:1": "b:2" } };
    expect(redis({ FLEET_BACKEND: "redis+sentinel://s" }, { backend })).toMatchObject({
      sentinel: { name: "m", password },
      addressMap: { "a:1": { host: "b", port: 2 } },
    });
  });

  it("names no backend", () => {
    expect(codes({ NODE_ENV: "production" }, { backend: { password } })).toEqual(["ERR_FLEET_BACKEND_REQUIRED"]);
    expect(resolve({}, { backend: { password } }).backend).toEqual({ kind: "memory" });
    expect(notices({}, { backend: { password } })).toEqual(["WARN_FLEET_MEMORY", "WARN_FLEET_REDIS_UNUSED"]);
  });

  it("is still read for mistakes", () => {
    const backend = { ulr: "redis://h", password } as FleetConfigOptions["backend"];
    expect(codes({ FLEET_BACKEND: "redis://h" }, { backend })).toEqual(["ERR_FLEET_CONFIG_UNSUPPORTED"]);
    expect(codes({ FLEET_BACKEND: "redis://h" }, { backend: { password: undefined } })).toEqual([
      "ERR_FLEET_CONFIG_TYPE",
    ]);
  });

  it("may stand in a file, beside an address of the environment", () => {
    const files = { "f.json": '{"backend":{"password":{"env":"SECRET"}}}' };
    const env = { FLEET_BACKEND: "redis://h", FLEET_CONFIG: "f.json", SECRET: "s" };
    expect(redis(env, {}, { files }).password).toEqual({ env: "SECRET" });
    expect(notices(env, {}, { files })).toEqual([]);
  });
});
