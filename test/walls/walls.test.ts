import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Wall {
  readonly file: string;
  readonly refused: readonly string[];
  readonly allowed: readonly string[];
}

/** Each room with what it may not import, and what it may: a wall that stops everything would also pass the first. */
const walls: readonly Wall[] = [
  {
    file: "src/index.ts",
    refused: ["./testing/index.js", "ioredis", "express", "express-session", "router"],
    allowed: ["./fleet.js", "./core/errors.js", "./sessions/index.js"],
  },
  {
    file: "src/fleet.ts",
    refused: ["./testing/fake-clock.js", "ioredis", "express-session"],
    allowed: [
      "./backend/redis/redis-backend.js",
      "./backend/memory/memory-backend.js",
      "./health/health.js",
      "node:crypto",
    ],
  },
  {
    file: "src/core/wall.ts",
    refused: [
      "../config/settings.js",
      "../backend/backend.js",
      "../http/router.js",
      "../index.js",
      "ioredis",
      "node:fs",
      "node:net",
      "node:fs/promises",
    ],
    allowed: ["./errors.js", "node:crypto", "node:timers/promises"],
  },
  {
    file: "src/http/wall.ts",
    refused: ["../core/errors.js", "../sessions/index.js", "../fleet.js", "express", "express-session"],
    allowed: ["./router.js", "node:http", "router"],
  },
  {
    file: "src/config/wall.ts",
    refused: ["../backend/backend.js", "../http/router.js", "../fleet.js", "ioredis"],
    allowed: ["./settings.js", "../core/errors.js", "node:fs"],
  },
  {
    file: "src/backend/wall.ts",
    refused: ["../sessions/session-store.js", "../http/router.js", "../testing/fake-clock.js", "ioredis"],
    allowed: ["./redis/redis-backend.js", "../core/errors.js", "../config/settings.js"],
  },
  {
    file: "src/backend/memory/wall.ts",
    refused: ["../redis/exec.js", "../../sessions/session-store.js", "../../testing/fake-clock.js", "ioredis"],
    allowed: ["./shared-memory.js", "../backend.js", "../../core/errors.js", "../../config/backend-config.js"],
  },
  {
    file: "src/backend/redis/wall.ts",
    refused: [
      "../memory/memory-backend.js",
      "../../sessions/session-store.js",
      "../../http/router.js",
      "redis",
      "express-session",
    ],
    allowed: ["ioredis", "../backend.js", "../../core/errors.js", "./lua/scripts.generated.js"],
  },
  {
    file: "src/feed/wall.ts",
    refused: [
      "../sessions/index.js",
      "../http/router.js",
      "../config/settings.js",
      "../backend/redis/exec.js",
      "ioredis",
    ],
    allowed: ["./roster.js", "../core/errors.js", "../backend/backend.js", "./lua/scripts.generated.js"],
  },
  {
    file: "src/health/wall.ts",
    refused: ["../backend/backend.js", "../config/settings.js", "../sessions/index.js", "router"],
    allowed: ["./health.js", "../core/errors.js", "../http/router.js"],
  },
  {
    file: "src/sessions/wall.ts",
    refused: [
      "../locks/lock-store.js",
      "../health/health.js",
      "../config/settings.js",
      "../testing/fake-clock.js",
      "../backend/redis/exec.js",
      "../fleet.js",
      "ioredis",
      "express",
    ],
    allowed: [
      "express-session",
      "../backend/backend.js",
      "../http/problem.js",
      "../core/errors.js",
      "../feed/feed.js",
      "./lua/scripts.generated.js",
    ],
  },
  {
    file: "src/locks/wall.ts",
    refused: [
      "../reservations/index.js",
      "../sessions/session-store.js",
      "../config/settings.js",
      "../testing/fake-clock.js",
      "../backend/redis/exec.js",
      "../fleet.js",
      "ioredis",
      "express",
    ],
    allowed: ["../backend/backend.js", "../http/problem.js", "../core/errors.js", "../feed/feed.js", "./own.js"],
  },
  {
    file: "src/reservations/wall.ts",
    refused: [
      "../locks/index.js",
      "../sessions/session-store.js",
      "../config/settings.js",
      "../testing/fake-clock.js",
      "../backend/redis/exec.js",
      "../fleet.js",
      "ioredis",
      "express",
    ],
    allowed: ["../backend/backend.js", "../http/problem.js", "../core/errors.js", "../feed/feed.js", "./own.js"],
  },
  {
    file: "src/testing/wall.ts",
    refused: [
      "../http/router.js",
      "../sessions/session-middleware.js",
      "../backend/redis/exec.js",
      "vitest",
      "ioredis",
    ],
    allowed: [
      "../core/clock.js",
      "../backend/backend.js",
      "../backend/memory/memory-backend.js",
      "../sessions/session-store.js",
    ],
  },
  {
    file: "src/sessions/lua/scripts.generated.ts",
    refused: ["../session-store.js", "../../core/errors.js", "ioredis"],
    allowed: ["../../backend/script.js"],
  },
  {
    file: "src/backend/redis/lua/scripts.generated.ts",
    refused: ["../exec.js", "ioredis"],
    allowed: ["../../script.js"],
  },
  { file: "src/unwalled/wall.ts", refused: ["../core/errors.js", "ioredis", "node:fs"], allowed: ["./other.js"] },
];

/** Files that break one rule of src each, by the rule that must say so. */
const ruleBreakers: readonly { readonly file: string; readonly rule: string; readonly source: string }[] = [
  { file: "src/core/default-export.ts", rule: "import(no-default-export)", source: "export default 1;" },
  { file: "src/core/console-user.ts", rule: "eslint(no-console)", source: "console.log(1);" },
  { file: "src/core/long-file.ts", rule: "eslint(max-lines)", source: "export {};\n".repeat(401) },
  {
    file: "src/core/long-function.ts",
    rule: "eslint(max-lines-per-function)",
    source: `export function long(): void {\n${"  void 0;\n".repeat(60)}}`,
  },
  {
    file: "src/sessions/type-import.ts",
    rule: "typescript(consistent-type-imports)",
    source: 'export type Request = import("express").Request;',
  },
  {
    file: "src/sessions/required.ts",
    rule: "typescript(no-require-imports)",
    source: 'export const redis: unknown = require("ioredis");',
  },
  {
    file: "src/core/floating.ts",
    rule: "typescript(no-floating-promises)",
    source: "async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}",
  },
];

/** One line for each way to name another module. */
const forms: readonly ((specifier: string, name: string) => string)[] = [
  (specifier, name) => `import { one as ${name} } from "${specifier}"; void ${name};`,
  (specifier, name) => `import type { One as ${name} } from "${specifier}"; export type { ${name} };`,
  (specifier, name) => `export { one as ${name} } from "${specifier}";`,
  (specifier, name) => `export const ${name} = (): Promise<unknown> => import("${specifier}");`,
];

interface Finding {
  readonly code: string;
  readonly filename: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

let house: string;
let findings: readonly Finding[];

/** An empty house with our rules, where every fixture stands at the place whose rules it breaks. */
beforeAll(() => {
  house = mkdtempSync(join(tmpdir(), "express-fleet-walls-"));
  for (const file of [".oxlintrc.json", "tsconfig.json", "package.json"])
    copyFileSync(join(root, file), join(house, file));
  symlinkSync(join(root, "node_modules"), join(house, "node_modules"), "junction");
  for (const wall of walls)
    build(
      wall.file,
      importsOf(wall)
        .map(({ line }) => line)
        .join("\n"),
    );
  for (const { file, source } of ruleBreakers) build(file, source);
  findings = lint(house, "src");
});

afterAll(() => rmSync(house, { recursive: true, force: true }));

function build(file: string, source: string): void {
  mkdirSync(dirname(join(house, file)), { recursive: true });
  writeFileSync(join(house, file), `${source}\n`);
}

/** The lines of a wall's fixture, in order. */
function importsOf({ refused, allowed }: Wall): { readonly specifier: string; readonly line: string }[] {
  return [...refused, ...allowed].flatMap((specifier, index) =>
    forms.map((form, number) => ({ specifier, line: form(specifier, `name${index}${"abcd"[number]}`) })),
  );
}

function lint(folder: string, path = "."): readonly Finding[] {
  const oxlint = join(root, "node_modules/oxlint/bin/oxlint");
  const { stdout, stderr } = spawnSync(process.execPath, [oxlint, "--format=json", path], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  try {
    return (JSON.parse(stdout) as { diagnostics: Finding[] }).diagnostics;
  } catch {
    throw new Error(`oxlint gave no result: ${stderr}${stdout}`);
  }
}

function found(file: string): readonly Finding[] {
  return findings.filter(({ filename }) => filename.split(sep).join("/").endsWith(file));
}

describe("who may import whom", () => {
  test.each(walls)("the wall of $file stops what it must, in every form of import, and nothing else", (wall) => {
    const lines = found(wall.file)
      .filter(({ code }) => code === "eslint(no-restricted-imports)")
      .map(({ labels }) => importsOf(wall)[(labels[0]?.span.line ?? 0) - 1]?.line);
    const expected = importsOf(wall).filter(({ specifier }) => wall.refused.includes(specifier));
    expect(new Set(lines)).toEqual(new Set(expected.map(({ line }) => line)));
  });

  test("every folder of src has a wall", () => {
    const folders = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const walled = walls.map(({ file }) => file.split("/")[1]);
    for (const { name } of folders) expect(walled).toContain(name);
  });

  test("no folder gathers what belongs to no room", () => {
    const folders = readdirSync(join(root, "src"), { withFileTypes: true, recursive: true }).filter((entry) =>
      entry.isDirectory(),
    );
    for (const { name } of folders)
      expect(["utils", "util", "common", "helpers", "types", "shared"]).not.toContain(name);
  });
});

describe("rules of src", () => {
  test.each(ruleBreakers)("$rule fires", ({ file, rule }) => {
    expect(found(file).map(({ code }) => code)).toContain(rule);
  });

  test.each([
    { name: "import.meta", source: "export const here: string = import.meta.url;", code: "TS1343" },
    { name: "top-level await", source: "export const value: number = await Promise.resolve(1);", code: "TS1378" },
  ])("$name does not compile to CommonJS", ({ source, code }) => {
    const file = join(house, "format.ts");
    writeFileSync(file, source);
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const args = [
      "--ignoreConfig",
      "--noEmit",
      "--target",
      "es2022",
      "--module",
      "commonjs",
      "--moduleResolution",
      "bundler",
      file,
    ];
    const { stdout } = spawnSync(process.execPath, [tsc, ...args], { cwd: house, encoding: "utf8" });
    rmSync(file);
    expect(stdout).toContain(code);
  });
});

test("the house as it is keeps its rules", () => {
  expect(lint(root).map(({ code, filename, labels }) => `${filename}:${labels[0]?.span.line}: ${code}`)).toEqual([]);
});
