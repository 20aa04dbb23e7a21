import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root as repository } from "../support/run-bin.mjs";
import { loadRooms } from "./load.mjs";

/**
 * Runs luacheck over every script of a tree with its fragments in place, as the server will see it.
 *
 * Returns the problems as `file:line:column: text` of the original files, or undefined where luacheck is not installed.
 */
export function luacheck(root) {
  const scripts = loadRooms(root).flatMap((room) => room.scripts);
  const folder = mkdtempSync(join(tmpdir(), "express-fleet-luacheck-"));
  try {
    const files = scripts.map(({ lines }, index) => {
      const file = join(folder, `${index}.lua`);
      writeFileSync(file, `${lines.map(({ text }) => text).join("\n")}\n`);
      return file;
    });
    const config = join(repository, ".luacheckrc");
    // With no script at all it still has to be there, so that a machine without it is found out.
    const args =
      files.length === 0
        ? ["--version"]
        : ["--no-cache", "--no-color", "--codes", "--formatter", "plain", "--config", config, ...files];
    const { error, status, stdout, stderr } = spawnSync("luacheck", args, { encoding: "utf8" });
    if (error !== undefined) return undefined;
    if (files.length === 0) return [];
    // 0 to 2: clean, warnings, errors in the files; above that luacheck itself failed.
    if (status === null || status > 2) throw new Error(`luacheck failed: ${stderr}${stdout}`);
    return problemsOf(stdout, files, scripts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function problemsOf(output, files, scripts) {
  return output
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const index = files.findIndex((file) => line.startsWith(`${file}:`));
      if (index === -1) return [line];
      const [, row, column, text] = /^:(\d+):(\d+): (.*)$/.exec(line.slice(files[index].length));
      const { file } = scripts[index];
      const { place } = scripts[index].lines[row - 1];
      // A fragment may offer more than this script uses.
      if (place.file !== file && text.startsWith("(W211)")) return [];
      return [`${place.file}:${place.line}:${column}: ${text}`];
    });
}
