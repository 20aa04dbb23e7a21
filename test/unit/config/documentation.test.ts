import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ioredisOptions } from "../../../src/config/ioredis-options.js";
import { nativeVariables } from "../../../src/config/environment.js";
import { resolve } from "./resolving.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const page = readFileSync(join(root, "docs/configuration.md"), "utf8");
const source = readdirSync(join(root, "src/config"))
  .map((name) => readFileSync(join(root, "src/config", name), "utf8"))
  .join("\n");
const files = { "/run/secrets/redis": "x", "/run/secrets/sentinel": "x", "/etc/ssl/redis-ca.pem": "x" };

const codesIn = (text: string) => [...new Set(text.match(/"(?:ERR|WARN|INFO)_FLEET_[A-Z_]+"/g))];

/** The environments that the page shows, one for each of its shell blocks. */
const environments = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = ""]) =>
  Object.fromEntries(
    block
      .trim()
      .split("\n")
      .map((line) => {
        const [, name = "", value = ""] = /^(\w+)=(.*)$/.exec(line) ?? [];
        return [name, value.replace(/^'(.*)'$/, "$1")];
      }),
  ),
);

describe("the page on configuration", () => {
  it("has every variable", () => {
    for (const name of nativeVariables) expect(page).toContain(`\`${name}\``);
  });

  it("has every option of ioredis, where it says what becomes of it", () => {
    const section = /## From an ioredis client\n([\s\S]*?)\n## /.exec(page)?.[1] ?? "";
    const [taken = "", decided = "", refused = ""] = section.split(/^(?:Decided by the fleet|An error, since)/m);
    const parts = { honoured: taken, address: taken, managed: decided, fixed: refused, refused };
    for (const [name, { how }] of Object.entries(ioredisOptions))
      expect([name, parts[how].includes(`\`${name}\``)]).toEqual([name, true]);
  });

  it("shows files that work", () => {
    const shown = [...page.matchAll(/```(json|properties)\n([\s\S]*?)```/g)].map(([, kind = "", text = ""]) => {
      const name = `fleet.${kind}`;
      return resolve({ FLEET_CONFIG: name }, {}, { files: { ...files, [name]: text } });
    });
    expect(shown.map(({ backend, backends }) => [backend.kind, backends?.sessions?.kind])).toEqual([
      ["sentinel", "cluster"],
      ["cluster", "cluster"],
    ]);
    expect(shown.flatMap(({ notices }) => notices)).toEqual([]);
  });

  it("has every code that the room gives, and no other", () => {
    const given = codesIn(source).map((code) => code.slice(1, -1));
    expect(given.length).toBeGreaterThan(30);
    const rows = [...page.matchAll(/^\| `((?:ERR|WARN|INFO)_FLEET_[A-Z_]+)` \|/gm)].map((match) => match[1]);
    expect(new Set(rows)).toEqual(new Set(given));
    expect(rows).toHaveLength(given.length);
  });

  it("shows environments that work and need no warning", () => {
    const kinds = environments.map((env) => resolve(env, {}, { files }).backend.kind);
    expect(kinds).toEqual(["single", "single", "sentinel", "cluster", "memory", "cluster", "cluster", "sentinel"]);
    for (const env of environments) expect(resolve(env, {}, { files }).notices).toEqual([]);
  });
});
