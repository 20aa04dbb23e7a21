import { describe, expect, it } from "vitest";
import { codes, failure, notices, redis, resolve } from "./resolving.js";

type Storage = Readonly<Record<string, unknown>>;
const files = { "ca.pem": "x", "cert.pem": "x", "key.pem": "x" };

/** The same settings in each of Tyk's programs, as a file and, where they are plain, as variables. */
function everywhere(storage: Storage): readonly (readonly [string, ...Parameters<typeof resolve>])[] {
  const asFile = (name: string, tree: unknown) =>
    [name, { FLEET_CONFIG: "t.conf" }, {}, { files: { ...files, "t.conf": JSON.stringify(tree) } }] as const;
  const dashboard = Object.fromEntries(
    Object.entries(storage).map(([name, value]) => [name === "enable_cluster" ? name : `redis_${name}`, value]),
  );
  const text = (value: unknown): string => {
    if (Array.isArray(value)) return value.join(",");
    if (typeof value !== "object" || value === null) return typeof value === "string" ? value : JSON.stringify(value);
    return Object.entries(value)
      .map(([host, port]) => `${host}:${String(port)}`)
      .join(",");
  };
  const variables = (prefix: string) =>
    Object.fromEntries(
      Object.entries(storage).map(([name, value]) => [
        `${prefix}${name.replaceAll("_", "").toUpperCase()}`,
        text(value),
      ]),
    );
  return [
    asFile("gateway", { storage }),
    asFile("pump", { analytics_storage_config: storage }),
    asFile("dashboard", dashboard),
    ["gateway's variables", variables("TYK_GW_STORAGE_"), {}, { files }],
    ["pump's variables", variables("TYK_PMP_ANALYTICSSTORAGECONFIG_"), {}, { files }],
  ];
}

const a = { addrs: ["a:1"] };

describe("Tyk's settings, each in every place", () => {
  it.each<[Storage, object]>([
    [
      { type: "redis", ...a },
      { kind: "single", nodes: [{ host: "a", port: 1 }] },
    ],
    [{ addrs: ["a"] }, { nodes: [{ host: "a", port: 6379 }] }],
    [{ addrs: ["[::1]:7"] }, { nodes: [{ host: "::1", port: 7 }] }],
    [
      { addrs: ["a:1", "b:2"], enable_cluster: true },
      {
        kind: "cluster",
        nodes: [
          { host: "a", port: 1 },
          { host: "b", port: 2 },
        ],
      },
    ],
    [
      { addrs: ["a", "b:2"], master_name: "m" },
      {
        kind: "sentinel",
        nodes: [
          { host: "a", port: 26_379 },
          { host: "b", port: 2 },
        ],
        sentinel: { name: "m" },
      },
    ],
    [{ addrs: ["a"], master_name: "m", sentinel_password: "p" }, { sentinel: { name: "m", password: "p" } }],
    [
      { hosts: { a: "1", b: 2 }, enable_cluster: true },
      {
        kind: "cluster",
        nodes: [
          { host: "a", port: 1 },
          { host: "b", port: 2 },
        ],
      },
    ],
    [
      { host: "a", port: 7 },
      { kind: "single", nodes: [{ host: "a", port: 7 }] },
    ],
    [{ host: "a", port: 0 }, { nodes: [{ host: "a", port: 6379 }] }],
    [{ ...a, host: "b", port: 7 }, { nodes: [{ host: "a", port: 1 }] }],
    [
      { ...a, username: "u", password: "p", database: 3 },
      { username: "u", password: "p", database: 3 },
    ],
    [{ ...a, username: "", password: "" }, { kind: "single" }],
    [{ ...a, optimisation_max_active: 4000 }, { maxPending: 10_000 }],
    [{ ...a, optimisation_max_active: 0 }, { maxPending: 10_000 }],
    [{ ...a, optimisation_max_active: 20_000 }, { maxPending: 20_000 }],
    [{ ...a, timeout: 4 }, { timeouts: { connect: 4000, command: 4000, start: 10_000 } }],
    [{ ...a, timeout: 0 }, { timeouts: { connect: 5000, command: 8000, start: 10_000 } }],
    [{ ...a, use_ssl: true }, { tls: {} }],
    [{ ...a, use_ssl: true, ssl_insecure_skip_verify: true }, { tls: { rejectUnauthorized: false } }],
    [
      { ...a, use_ssl: true, ca_file: "ca.pem", cert_file: "cert.pem", key_file: "key.pem" },
      { tls: { caFile: "ca.pem", certFile: "cert.pem", keyFile: "key.pem" } },
    ],
    [
      { ...a, use_ssl: true, tls_min_version: "1.2", tls_max_version: "1.3" },
      { tls: { minVersion: "TLSv1.2", maxVersion: "TLSv1.3" } },
    ],
    [
      { ...a, use_ssl: true, min_version: "1.0", max_version: "1.1" },
      { tls: { minVersion: "TLSv1", maxVersion: "TLSv1.1" } },
    ],
  ])("%j", (storage, backend) => {
    for (const [place, ...input] of everywhere(storage)) expect(redis(...input), place).toMatchObject(backend);
  });

  it.each<[Storage, string]>([
    [{ type: "mongo", ...a }, "ERR_FLEET_CONFIG_TYPE"],
    [{ type: "redis" }, "ERR_FLEET_CONFIG_REQUIRED"],
    [{ enable_cluster: true, password: "p" }, "ERR_FLEET_CONFIG_REQUIRED"],
    [{ master_name: "m" }, "ERR_FLEET_CONFIG_REQUIRED"],
    [{ enable_cluster: true, master_name: "m", ...a }, "ERR_FLEET_CONFIG_AMBIGUOUS_MODE"],
    [{ addrs: ["a", "b"] }, "ERR_FLEET_CONFIG_MULTI_ADDR"],
    [{ addrs: ["a:99999"] }, "ERR_FLEET_CONFIG_PORT"],
    [{ addrs: ["::1:7"] }, "ERR_FLEET_CONFIG_NODE_HOST"],
    [{ hosts: { a: 0 }, enable_cluster: true }, "ERR_FLEET_CONFIG_PORT"],
    [{ ...a, username: "u" }, "ERR_FLEET_CONFIG_AUTH"],
    [{ ...a, enable_cluster: true, database: 1 }, "ERR_FLEET_CONFIG_DB_CLUSTER"],
    [{ ...a, database: "x" }, "ERR_FLEET_CONFIG_DB"],
    [{ ...a, enable_cluster: "perhaps" }, "ERR_FLEET_CONFIG_BOOL"],
    [{ ...a, timeout: 1.5 }, "ERR_FLEET_CONFIG_DURATION"],
    [{ ...a, timeout: -1 }, "ERR_FLEET_CONFIG_DURATION"],
    [{ ...a, optimisation_max_active: "many" }, "ERR_FLEET_CONFIG_NUMBER"],
    [{ ...a, use_ssl: true, ca_file: "missing.pem" }, "ERR_FLEET_CONFIG_FILE"],
    [{ ...a, use_ssl: true, cert_file: "cert.pem" }, "ERR_FLEET_CONFIG_TLS_PAIR"],
    [{ ...a, use_ssl: true, min_version: "1.3", max_version: "1.2" }, "ERR_FLEET_CONFIG_TLS_RANGE"],
    [{ ...a, use_ssl: true, max_version: "1.1" }, "ERR_FLEET_CONFIG_TLS_RANGE"],
    [{ ...a, use_ssl: true, min_version: "2" }, "ERR_FLEET_CONFIG_TLS_RANGE"],
  ])("%j is %s", (storage, code) => {
    for (const [place, ...input] of everywhere(storage)) expect(codes(...input), place).toEqual([code]);
  });

  it.each<[Storage, string]>([
    [{ hosts: { a: 1 } }, "WARN_FLEET_DEPRECATED_HOSTS"],
    [{ ...a, hosts: { b: 1 } }, "WARN_FLEET_HOSTS_IGNORED"],
    [{ ...a, optimisation_max_idle: 100 }, "INFO_FLEET_IGNORED"],
    [{ ...a, compress_threshold: 1 }, "INFO_FLEET_IGNORED"],
    [{ ...a, max_decompressed_size: 1 }, "INFO_FLEET_IGNORED"],
    [{ ...a, sentinel_password: "p" }, "WARN_FLEET_UNUSED"],
    [{ ...a, ca_file: "ca.pem" }, "WARN_FLEET_UNUSED"],
    [{ ...a, use_ssl: true, ssl_insecure_skip_verify: true }, "WARN_FLEET_TLS_INSECURE"],
    [{ ...a, use_ssl: true, min_version: "1.1" }, "WARN_FLEET_TLS_OLD"],
    [{ ...a, pasword: "p" }, "WARN_FLEET_UNKNOWN_OPTION"],
  ])("%j is said as %s", (storage, code) => {
    for (const [place, ...input] of everywhere(storage)) expect(notices(...input), place).toContain(code);
  });
});

describe("Tyk's settings together with others", () => {
  const env = { TYK_GW_STORAGE_ADDRS: "a:1", TYK_GW_STORAGE_PASSWORD: "p" };

  it("memory is said by type", () => {
    expect(resolve({ TYK_GW_STORAGE_TYPE: "memory" }).backend).toEqual({ kind: "memory" });
    expect(notices({ ...env, TYK_GW_STORAGE_TYPE: "memory" })).toContain("WARN_FLEET_REDIS_UNUSED");
  });

  it("refuses unchecked certificates in production unless code allows it", () => {
    const insecure = { ...env, TYK_GW_STORAGE_USESSL: "true", TYK_GW_STORAGE_SSLINSECURESKIPVERIFY: "true" };
    expect(codes({ ...insecure, NODE_ENV: "production" })).toEqual(["ERR_FLEET_CONFIG_TLS_INSECURE"]);
    const allowed = redis({ ...insecure, NODE_ENV: "production" }, { allowInsecureTls: true });
    expect(allowed.tls).toEqual({ rejectUnauthorized: false });
  });

  it("asks for a program of ours where Tyk signs in by IAM", () => {
    for (const extra of [{ TYK_GW_STORAGE_IAMAUTH_ENABLED: "true" }]) {
      expect(codes({ TYK_GW_STORAGE_ADDRS: "a", ...extra })).toEqual(["ERR_FLEET_CONFIG_PROVIDER_REQUIRED"]);
      expect(redis({ TYK_GW_STORAGE_ADDRS: "a", ...extra, FLEET_PASSWORD: "q" }).password).toBe("q");
    }
    const odd = { "t.conf": '{"storage": {"addrs": ["a"], "iam_auth": {"enabled": {"toString": 1}}}}' };
    expect(redis({ FLEET_CONFIG: "t.conf" }, {}, { files: odd }).kind).toBe("single");
    const file = { "t.conf": `{"storage": {"addrs": ["a"], "iam_auth": {"enabled": true}}}` };
    expect(codes({ FLEET_CONFIG: "t.conf" }, {}, { files: file })).toEqual(["ERR_FLEET_CONFIG_PROVIDER_REQUIRED"]);
  });

  it("variables win over the file", () => {
    const file = { "t.conf": `{"storage": {"addrs": ["f:1"], "password": "q", "database": 2}}` };
    expect(redis({ FLEET_CONFIG: "t.conf", ...env }, {}, { files: file })).toMatchObject({
      nodes: [{ host: "a", port: 1 }],
      password: "p",
      database: 2,
    });
  });

  it("an address that is not used takes its password with it", () => {
    const backend = redis({ FLEET_BACKEND: "redis://other", ...env });
    expect(backend).not.toHaveProperty("password");
    expect(notices({ FLEET_BACKEND: "redis://other", ...env })).toEqual(["INFO_FLEET_OVERRIDDEN"]);
    expect(redis({ FLEET_BACKEND: "redis://other", TYK_GW_STORAGE_PASSWORD: "p" }).password).toBe("p");
  });

  it("type alone is content with an address that stands elsewhere", () => {
    const type = { TYK_PMP_ANALYTICSSTORAGECONFIG_TYPE: "redis" };
    expect(redis({ ...type, ...env })).toMatchObject({ nodes: [{ host: "a", port: 1 }], password: "p" });
    expect(redis({ ...type, REDIS_URL: "redis://h" }).nodes).toEqual([{ host: "h", port: 6379 }]);
    expect(redis({ ...type, SPRING_REDIS_HOST: "h" }).nodes).toEqual([{ host: "h", port: 6379 }]);
    expect(codes({ ...type, CLUSTER_ENABLED: "true" })).toContain("ERR_FLEET_CONFIG_REQUIRED");
  });

  it("the dashboard's own switch is read", () => {
    expect(redis({ TYK_DB_REDISADDRS: "a,b", TYK_DB_ENABLECLUSTER: "true" }).kind).toBe("cluster");
    expect(redis({ TYK_DB_REDISADDRS: "a,b", TYK_DB_REDISMASTERNAME: "m" }).kind).toBe("sentinel");
  });

  it.each<[Record<string, string>, string, string]>([
    [{ REDIS_URL: "redis://b" }, "REDIS_URL", "TYK_GW_STORAGE_ADDRS"],
    [{ SPRING_REDIS_HOST: "b" }, "TYK_GW_STORAGE_ADDRS", "SPRING_REDIS_HOST"],
    [{ CLUSTER_ENABLED: "no" }, "CLUSTER_ENABLED", "TYK_GW_STORAGE_ADDRS"],
    [{ REDIS_URL: "redis://:q@a:1" }, "REDIS_URL", "TYK_GW_STORAGE_PASSWORD"],
    [{ SPRING_DATA_REDIS_PASSWORD: "q" }, "TYK_GW_STORAGE_PASSWORD", "SPRING_DATA_REDIS_PASSWORD"],
  ])("%j differs: both are named", (other, first, second) => {
    const error = failure({ ...env, ...other });
    expect(error.problems.map(({ code }) => code)).toEqual(["ERR_FLEET_CONFIG_CONFLICT"]);
    expect(error.message).toContain(`${first} and ${second}`);
    expect(redis({ ...env, ...other, FLEET_BACKEND: "redis://c", FLEET_PASSWORD: "r" }).password).toBe("r");
  });

  it("the same in two dialects is no conflict", () => {
    expect(redis({ ...env, REDIS_URL: "redis://:p@A:1" }).password).toBe("p");
  });
});
