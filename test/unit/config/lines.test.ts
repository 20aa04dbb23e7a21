import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonLines, lineCounter } from "../../../src/config/lines.js";
import { failure, resolve } from "./resolving.js";

/** The origins of values in a file. */
const origins = (name: string, text: string, path: "provenance" | "message" = "provenance") => {
  const more = { files: { [name]: text } };
  if (path === "message") return failure({ FLEET_CONFIG: name }, {}, more).problems.map(({ message }) => message);
  return resolve({ FLEET_CONFIG: name }, {}, more).provenance;
};

describe("the line of a value in a file", () => {
  const json = `{
  "namespace": "shop",
  "backend": {
    "kind": "cluster",
    "nodes": [
      "a:1",
      "b:2"
    ],
    "tls": { "servername":
      "s" }
  },
  "timeouts": { "connect": "2s" }
}`;
  const yaml = `# ours
namespace: shop
backend:
  kind: cluster
  nodes:
    - a:1
    - b:2
  tls:
    servername: s
timeouts: { connect: 2s }
`;
  const properties = `# ours
namespace=shop
backend.kind=cluster
backend.nodes=a:1,\\
  b:2
backend.tls.servername=s
timeouts.connect=2s
`;

  it.each([
    ["f.json", json, [2, 3, 9, 12]],
    ["f.yaml", yaml, [2, 3, 9, 10]],
    ["f.properties", properties, [2, 3, 6, 7]],
  ])("is a part of its origin: %s", (name, text, [namespace, backend, servername, connect]) => {
    expect(origins(name, text)).toMatchObject({
      namespace: { origin: "file", name: `${name}:${namespace} namespace` },
      "backend.nodes": { origin: "file", name: `${name}:${backend} backend` },
      "backend.tls.servername": { origin: "file", name: `${name}:${servername} backend.tls.servername` },
      "backend.timeouts.connect": { origin: "file", name: `${name}:${connect} timeouts.connect` },
    });
  });

  it.each([
    ["f.json", json, 7],
    ["f.yaml", yaml, 7],
    ["f.properties", properties, 4],
  ])("is a part of what is said of a mistake: %s", (name, text, line) => {
    expect(origins(name, text.replace("b:2", "b:x"), "message")).toEqual([
      `${name}:${line} backend.nodes[1]: the port is not a whole number from 1 to 65535`,
    ]);
  });

  it.each([
    ["t.conf", '{\n"storage": {\n"addrs": ["a"],\n"database": 2}}', "t.conf:3 storage.addrs"],
    ["t.conf", '{"redis_addrs": ["a"]\n}', "t.conf:1 redis_addrs"],
    ["a.properties", "\nspring.redis.host=a", "a.properties:2 spring.redis.host"],
    [
      "a.properties",
      "\nspring.redis.cluster.nodes[0]=a\nspring.redis.cluster.nodes[1]=b",
      "a.properties:2 spring.redis.cluster.nodes",
    ],
    ["a.yml", "spring:\n  redis:\n    host: a", "a.yml:3 spring.redis.host"],
    ["a.yml", "spring.redis:\n\n  host: a", "a.yml:3 spring.redis.host"],
    ["a.yml", "base: &base\n  host: a\nspring:\n  redis: *base", "a.yml:4 spring.redis.host"],
  ])("of a dialect: %s %j", (name, text, origin) => {
    expect(origins(name, text)).toMatchObject({ "backend.nodes": { origin: "file", name: origin } });
  });

  it("is a part of a notice, in which no name is shown that may be a secret", () => {
    const said = (text: string) =>
      resolve({ FLEET_CONFIG: "t.conf" }, {}, { files: { "t.conf": text } }).notices.map(({ message }) => message);
    expect(said('{"storage":{"addrs":["a"],\n"pasword":"p"}}')).toEqual([
      "t.conf:2 storage.pasword is no setting of Tyk's Redis; did you mean password?",
    ]);
    expect(said('{"storage":{"addrs":["a"],\n"passwordhunter2":"p"}}').join()).not.toContain("hunter2");
  });
});

describe("the lines of JSON", () => {
  it("are those of all its values, whatever they are", () => {
    const value = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<unknown>(0, -1.5e3, true, null, "", 'a"b', "{", "]", ",", "\\", "\n", "ü"),
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("a", "b", '"', "\\", ":", "{"), tie("node"), { maxKeys: 3 }),
      ),
    })).node;
    fc.assert(
      fc.property(value, (tree) => {
        const text = JSON.stringify(tree, undefined, 1);
        const lines = jsonLines(text);
        let line = 0;
        // Printed like this, every value begins on a line of its own, in the order in which they are visited.
        const visit = (one: unknown, path: string): void => {
          line++;
          if (path !== "") expect([path, lines.get(path)]).toEqual([path, line]);
          if (typeof one !== "object" || one === null) return;
          const entries = Object.entries(one);
          for (const [name, inside] of entries)
            visit(inside, Array.isArray(one) ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`);
          if (entries.length > 0) line++;
        };
        visit(tree, "");
      }),
      { numRuns: 500, seed: 20_261_120 },
    );
  });

  it("are counted from 1", () => {
    const at = lineCounter("a\n\nb\n");
    expect([0, 1, 2, 3, 4, 5].map(at)).toEqual([1, 1, 2, 3, 3, 4]);
    expect(jsonLines('\n\n{"a":\n1, "a":\n2}').get("a")).toBe(4);
  });
});
