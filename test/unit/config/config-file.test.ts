import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import type { FleetConfigOptions } from "../../../src/config/options.js";
import { resolveConfig } from "../../../src/config/resolve.js";
import { type Env, codes, failure, notices, redis, resolve } from "./resolving.js";

const from = (name: string, text: string, env: Env = {}, options: FleetConfigOptions = {}) =>
  [{ FLEET_CONFIG: name, ...env }, options, { files: { [name]: text } }] as const;

describe("a file of ours", () => {
  const tree = {
    backend: { kind: "cluster", nodes: ["a:1", "b:2"], password: { env: "SECRET" }, tls: { minVersion: "1.2" } },
    namespace: "shop",
    maxPending: 20_000,
    timeouts: { connect: "2s" },
  };
  const expected = {
    kind: "cluster",
    nodes: [
      { host: "a", port: 1 },
      { host: "b", port: 2 },
    ],
    password: { env: "SECRET" },
    tls: { minVersion: "TLSv1.2" },
    maxPending: 20_000,
    timeouts: { connect: 2000, command: 8000, start: 10_000 },
  };
  const env = { SECRET: "s" };

  it("has the names of createFleet's options, and says where each value came from", () => {
    const input = from("./conf/fleet.json", JSON.stringify(tree), env);
    expect(redis(...input)).toMatchObject(expected);
    const { namespace, provenance } = resolve(...input);
    expect(namespace).toBe("shop");
    expect(provenance["namespace"]).toEqual({ origin: "file", name: "fleet.json:1 namespace" });
    expect(provenance["backend.kind"]).toEqual({ origin: "file", name: "fleet.json:1 backend" });
  });

  it("may be .properties", () => {
    const text = [
      "backend.kind=cluster",
      "backend.nodes=a:1, b:2",
      "backend.password.env=SECRET",
      "backend.tls.minVersion=1.2",
      "namespace=shop",
      "maxPending=20000",
      "timeouts.connect=2s",
    ].join("\n");
    expect(redis(...from("fleet.properties", text, env))).toMatchObject(expected);
  });

  it("counts less than variables, and more than dialects", () => {
    const input = (more: Env) => from("f.json", '{"backend": "redis://:p@a", "namespace": "file"}', more);
    const env = { FLEET_BACKEND: "redis://b", FLEET_NAMESPACE: "variable" };
    expect(redis(...input(env))).toMatchObject({ nodes: [{ host: "b", port: 6379 }] });
    expect(redis(...input(env))).not.toHaveProperty("password");
    expect(resolve(...input(env)).namespace).toBe("variable");
    expect(notices(...input(env))).toEqual(["INFO_FLEET_OVERRIDDEN"]);
    const dialect = { REDIS_URL: "redis://c", REDIS_SCOPE: "scope" };
    expect(redis(...input(dialect)).nodes).toEqual([{ host: "a", port: 6379 }]);
    expect(resolve(...input(dialect)).namespace).toBe("file");
  });

  it("refuses what it does not know, with its own name", () => {
    const error = failure(...from("f.json", '{"backend": "memory", "namspace": "x", "config": "g.json"}'));
    expect(error.problems.map(({ code }) => code)).toEqual([
      "ERR_FLEET_CONFIG_UNSUPPORTED",
      "ERR_FLEET_CONFIG_UNSUPPORTED",
    ]);
    expect(error.message).toContain('f.json has "namspace"');
    expect(error.message).toContain("did you mean namespace?");
  });

  it("may have Tyk's settings beside ours", () => {
    const text = '{"namespace": "shop", "listen_port": 8080, "storage": {"host": "a"}}';
    expect(redis(...from("t.conf", text)).nodes).toEqual([{ host: "a", port: 6379 }]);
    expect(resolve(...from("t.conf", text)).namespace).toBe("shop");
  });
});

describe("the file that is named", () => {
  it("in code counts more than FLEET_CONFIG", () => {
    const files = { "a.json": '{"backend": "redis://a"}', "b.json": '{"backend": "redis://b"}' };
    const input = [{ FLEET_CONFIG: "b.json" }, { config: "a.json" }, { files }] as const;
    expect(redis(...input).nodes).toEqual([{ host: "a", port: 6379 }]);
    expect(notices(...input)).toEqual(["INFO_FLEET_OVERRIDDEN"]);
  });

  it("is read from the disk, relative to the working directory", () => {
    const folder = mkdtempSync(join(tmpdir(), "fleet-config-"));
    try {
      writeFileSync(join(folder, "tyk.conf"), '{"storage": {"host": "a"}}');
      const path = relative(process.cwd(), join(folder, "tyk.conf"));
      const { backend } = resolveConfig({ options: { config: path }, env: {}, hostname: "web-1", pid: 42 });
      expect(backend).toMatchObject({ kind: "single", nodes: [{ host: "a", port: 6379 }] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("must be there, hold something for us, and is never replaced by memory", () => {
    expect(codes({ FLEET_CONFIG: "missing.json" })).toEqual(["ERR_FLEET_CONFIG_FILE"]);
    expect(codes({}, { config: 7 as unknown as string })).toEqual(["ERR_FLEET_CONFIG_TYPE"]);
    const error = failure(...from("other.json", '{"listen_port": 8080}'));
    expect(error.code).toBe("ERR_FLEET_CONFIG_DIALECT");
    for (const name of ["backend", "storage", "redis_addrs", "spring.redis"]) expect(error.message).toContain(name);
    expect(codes(...from("empty.properties", "# nothing\n"))).toEqual(["ERR_FLEET_CONFIG_DIALECT"]);
    expect(codes(...from("list.json", "[1]"))).toEqual(["ERR_FLEET_CONFIG_TYPE"]);
    expect(codes(...from("f.json", "{nonsense"))).toEqual(["ERR_FLEET_CONFIG_JSON"]);
    expect(codes(...from("f.json", '"a": nonsense'))).toEqual(["ERR_FLEET_CONFIG_JSON"]);
  });

  it.each([
    ["f.conf", '\uFEFF{"backend": "redis://a"}'],
    ["f.conf", "# ours\nbackend=redis://a\n"],
    ["f", "\n! ours\nbackend = redis://a"],
  ])("%s is told by its text", (name, text) => {
    expect(redis(...from(name, text)).nodes).toEqual([{ host: "a", port: 6379 }]);
  });

  it.each([
    ['{"storage": {"addrs": ["a"], }}', 28, 'no comma before "}"', '{"storage":{"addrs":["a"]}}'],
    ['{"storage": {"addrs": ["a",]}}', 27, 'no comma before "]"', '{"storage":{"addrs":["a"]}}'],
    ['{"storage": {"host": "a" "port": 1}}', 25, '","', '{"storage":{"host":"a","port":1}}'],
  ])("%s: a comma too many or too few has its place", (text, column, expected, write) => {
    const error = failure(...from("t.conf", text));
    expect(error.message).toContain(`t.conf is not valid JSON at line 1, column ${column}: expected ${expected}`);
    expect(error.help).toBe(write);
  });
});
