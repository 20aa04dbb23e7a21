import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { npm } from "./run.js";
import { openToolbox, type Toolbox } from "./toolbox.js";

/** The packed package, and the folders in which consumers of it are tried. */
export interface Packaging {
  readonly tarball: string;
  /** An empty project that installed the tarball, Express and express-session by npm. */
  readonly app: string;
  /** Folders with what `app` has installed, inside of a toolbox: programs there find both. */
  readonly inside: Readonly<Record<Exclude<Toolbox, "compilers">, string>>;
  readonly compilers: string;
}

declare module "vitest" {
  interface ProvidedContext {
    packaging: Packaging;
  }
}

const root = fileURLToPath(new URL("../..", import.meta.url));

export default async function setup(project: TestProject): Promise<() => void> {
  if (!existsSync(join(root, "dist/cjs/index.js"))) throw new Error("nothing to pack: run `npm run build` first");
  const folder = mkdtempSync(join(tmpdir(), "express-fleet-packed-"));
  const made = [folder];
  const stop = (): void => {
    for (const each of made) rmSync(each, { recursive: true, force: true });
  };
  try {
    const compilers = await openToolbox("compilers");
    const app = await installApp(folder);
    const into = async (name: Toolbox): Promise<string> => {
      const inside = mkdtempSync(join(await openToolbox(name), "run-"));
      made.push(inside);
      cpSync(join(app, "node_modules"), join(inside, "node_modules"), { recursive: true, verbatimSymlinks: true });
      return inside;
    };
    const inside = {
      jest: await into("jest"),
      "types-none": await into("types-none"),
      "types-express-4": await into("types-express-4"),
      "types-express-5": await into("types-express-5"),
    };
    project.provide("packaging", { tarball: join(folder, "package.tgz"), app, inside, compilers });
    return stop;
  } catch (error) {
    stop();
    throw error;
  }
}

/** Packs what was built and installs it as a user does; the scripts of the package would build it once more. */
async function installApp(folder: string): Promise<string> {
  const app = join(folder, "app");
  const packed = await npm(root, "pack", "--ignore-scripts", "--silent", "--pack-destination", folder);
  const name = /^\S+\.tgz$/m.exec(packed)?.[0];
  if (name === undefined) throw new Error(`npm pack named no tarball: ${packed}`);
  cpSync(join(folder, name), join(folder, "package.tgz"));
  cpSync(fileURLToPath(new URL("consumers/app", import.meta.url)), app, { recursive: true });
  writeFileSync(join(app, "package.json"), '{ "private": true }\n');
  const wanted = [join(folder, "package.tgz"), "express@^5.0.0", "express-session@^1.18.0"];
  await npm(
    app,
    "install",
    "--prefix",
    app,
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    ...wanted,
  );
  return app;
}
