import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { runNode } from "./run.js";

const { inside, compilers } = inject("packaging");
const consumers = fileURLToPath(new URL("consumers/types", import.meta.url));

/** How a project finds packages, with the module format that belongs to it. */
const modules = { node10: "commonjs", node16: "node16", nodenext: "nodenext", bundler: "esnext" } as const;
type Resolution = keyof typeof modules;

const expressTypes = ["types-express-4", "types-express-5", "types-none"] as const;
const versions: readonly { readonly version: string; readonly resolutions: readonly Resolution[] }[] = [
  { version: "5.4", resolutions: ["node10", "node16", "nodenext", "bundler"] },
  { version: "5.9", resolutions: ["node10", "node16", "nodenext", "bundler"] },
  { version: "7", resolutions: ["node16", "nodenext", "bundler"] },
];

// nodenext reads the declarations of both formats, so what they say is tried there with every kind of Express types;
// the others only differ in how they find the same files.
const projects = versions.flatMap(({ version, resolutions }) =>
  resolutions.flatMap((resolution) =>
    (resolution === "nodenext" ? expressTypes : (["types-express-5"] as const)).map((types) => ({
      version,
      resolution,
      types,
    })),
  ),
);

describe("a strict project that checks its libraries too", { concurrent: true }, () => {
  test.for(projects)("TypeScript $version, $resolution, $types", async ({ version, resolution, types }) => {
    const folder = inside[types];
    // Where the format of a file decides how a package is found, both formats are tried at once.
    const extensions = resolution === "node16" || resolution === "nodenext" ? ["mts", "cts"] : ["ts"];
    const source = types === "types-none" ? "without-express.ts" : "with-express.ts";
    const files = extensions.map((extension) => `${version}-${resolution}.${extension}`);
    for (const file of files) cpSync(join(consumers, source), join(folder, file));
    const config = `tsconfig-${version}-${resolution}.json`;
    writeFileSync(join(folder, config), JSON.stringify({ compilerOptions: compilerOptions(resolution), files }));
    const tsc = join(compilers, `node_modules/typescript-${version}/bin/tsc`);
    expect(await runNode(folder, tsc, "-p", config)).toEqual({ code: 0, output: "" });
  });
});

function compilerOptions(resolution: Resolution): object {
  return {
    target: "es2022",
    // Without the types of browsers, which take longest to check and which a server does not have.
    lib: ["es2023"],
    module: modules[resolution],
    moduleResolution: resolution,
    strict: true,
    exactOptionalPropertyTypes: true,
    esModuleInterop: true,
    skipLibCheck: false,
    types: ["node"],
    noEmit: true,
  };
}
