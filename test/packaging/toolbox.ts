import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { npm } from "./run.js";

/** What users have beside us, by the folder that holds it. Fixed to a minor version where the version is the point. */
const toolboxes = {
  jest: { jest: "^30.0.0" },
  compilers: {
    "typescript-5.4": "npm:typescript@~5.4.5",
    "typescript-5.9": "npm:typescript@~5.9.2",
    "typescript-7": "npm:typescript@7.0.2",
  },
  "types-none": { "@types/node": "^20.19.0" },
  "types-express-4": { "@types/node": "^20.19.0", "@types/express": "^4.17.21", "@types/express-session": "^1.18.0" },
  "types-express-5": { "@types/node": "^20.19.0", "@types/express": "^5.0.0", "@types/express-session": "^1.18.0" },
} as const;

export type Toolbox = keyof typeof toolboxes;

/**
 * Resolves to a folder with the tools installed, kept between runs outside of this repository, whose own
 * `node_modules` a consumer must not see.
 */
export async function openToolbox(name: Toolbox): Promise<string> {
  const dependencies = JSON.stringify(toolboxes[name]);
  const hash = createHash("sha256").update(dependencies).digest("hex").slice(0, 12);
  const shelf = join(tmpdir(), `express-fleet-packaging-${userInfo().username}`);
  const folder = join(shelf, `${name}-${hash}`);
  if (existsSync(folder)) return folder;
  mkdirSync(shelf, { recursive: true, mode: 0o700 });
  const fresh = mkdtempSync(join(shelf, "fresh-"));
  writeFileSync(join(fresh, "package.json"), `{ "private": true, "dependencies": ${dependencies} }\n`);
  await npm(fresh, "install", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline");
  try {
    // Only a complete one gets the name; of two runs at once the first wins.
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
