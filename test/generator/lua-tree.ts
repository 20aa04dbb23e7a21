import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const generator = fileURLToPath(new URL("../../scripts/generate-lua.mjs", import.meta.url));

/** What the generator said about a tree. */
export interface Generated {
  readonly code: number | null;
  readonly errors: string;
}

/** A tree of Lua files in a temporary folder, and the generator to run over it. */
export class LuaTree implements Disposable {
  readonly root: string = mkdtempSync(join(tmpdir(), "express-fleet-lua-"));

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [file, text] of Object.entries(files)) this.write(file, text);
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.root, file)), { recursive: true });
    writeFileSync(join(this.root, file), text);
  }

  read(file: string): string {
    return readFileSync(join(this.root, file), "utf8");
  }

  generate(...args: string[]): Generated {
    const { status, stderr } = spawnSync(process.execPath, [generator, "--root", this.root, ...args], {
      encoding: "utf8",
    });
    return { code: status, errors: stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
