import { describe, expect, it } from "vitest";
import { loadYaml, type YamlReader } from "../../../src/config/yaml.js";
import { ConfigError } from "../../../src/core/errors.js";
import { type Env, codes, failure, redis, resolve, said } from "./resolving.js";

describe("YAML", () => {
  const text =
    "spring:\n  redis:\n    sentinel:\n      master: m\n      nodes:\n        - a:1\n        - b:2\n    timeout: 2000\n    ssl: { enabled: true }\n";
  const expected = { kind: "sentinel", sentinel: { name: "m" }, tls: {}, timeouts: { connect: 2000, command: 2000 } };
  const read = (yaml: string, more: Env = {}) =>
    [{ FLEET_CONFIG: "application.yml", ...more }, {}, { files: { "application.yml": yaml } }] as const;

  it("is read by the package yaml", () => {
    expect(redis(...read(text))).toMatchObject({ ...expected, nodes: [{ host: "a" }, { host: "b" }] });
    expect(redis(...read("backend:\n  url: redis://a\n  password: { env: P }\n", { P: "x" })).password).toEqual({
      env: "P",
    });
    expect(redis(...read("storage: { enable_cluster: true, hosts: { a: 1, b: 2 } }")).nodes).toHaveLength(2);
    expect(redis(...read("spring.redis.host: a\nredis.enabled: true\n")).nodes).toEqual([{ host: "a", port: 6379 }]);
    expect(typeof loadYaml().parseDocument).toBe("function");
  });

  it("that is broken has its place, and shows none of its text", () => {
    for (const broken of [
      "spring:\n  redis:\n   password: 'hunter2\n   host: a\n",
      "spring:\n  redis:\n    password: hunter2\n   host: [\n",
      "redis.enabled: true\n---\npassword: hunter2\n",
      "a: *hunter2\n",
    ]) {
      const error = failure(...read(broken));
      expect(error.problems.map(({ code }) => code)).toEqual(["ERR_FLEET_CONFIG_YAML"]);
      expect(error.message).toMatch(/line \d+, column \d+|anchors/);
      expect(error.message).not.toContain("hunter2");
    }
    expect(codes(...read("backend: &a [*a]\n"))).toHaveLength(1);
  });

  it("broken at any place ends with a configuration or a ConfigError, and shows no secret", () => {
    const whole =
      "spring:\n  redis:\n    host: a\n    password: 'Zq7w#: hunter2-w7qZ'\n    colour: hunter2\n    ssl: { enabled: true }\n";
    for (let place = 0; place < whole.length; place++) {
      for (const put of ["", "\n", "'", ":", "{", "*", "&"]) {
        const [env, options, more] = read(`${whole.slice(0, place)}${put}${whole.slice(place + 1)}`);
        let text: string;
        try {
          text = said(resolve(env, options, more));
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          text = said(error);
        }
        expect(text).not.toMatch(/Zq7w|w7qZ|hunter2/);
      }
    }
  });

  it.each([
    "storage:\n  max_idle: &a [*a]\n  optimisation_max_idle: [1, *a]\n  addrs: [h]\n",
    "storage:\n  addrs: [h]\n  iam_auth: &i\n    enabled: *i\n",
    "backend: &a\n  url: redis://h\n  tls: *a\n",
    "backends: &a\n  sessions: *a\nbackend: memory\n",
    "spring: &a\n  redis:\n    url: redis://h\n    host: &b [*b]\n    password: *b\n",
  ])("with aliases that have no end is read or refused: %j", (endless) => {
    try {
      expect(redis(...read(endless)).kind).toBe("single");
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
    }
  });

  it("without the package is an error with the line to install it", () => {
    const [env, options, more] = read(text);
    const absent = (): YamlReader => {
      throw new Error("Cannot find module 'yaml'");
    };
    const error = failure(env, options, { ...more, loadYaml: absent });
    expect(error.code).toBe("ERR_FLEET_CONFIG_REQUIRED");
    expect(error.help).toContain("npm install yaml");
  });
});
