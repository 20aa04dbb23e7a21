import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { findChromium } from "../support/browser/find-chromium.js";

const folders: string[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderWith(name: string, mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), "express-fleet-path-"));
  folders.push(folder);
  writeFileSync(join(folder, name), "");
  chmodSync(join(folder, name), mode);
  return folder;
}

test("the first on the path that can be run", () => {
  vi.stubEnv("CHROMIUM_BIN", "");
  const [text, program] = [folderWith("chromium", 0o644), folderWith("chromium", 0o755)];
  vi.stubEnv("PATH", [text, program].join(delimiter));
  expect(findChromium()).toBe(join(program, "chromium"));
});

test("the one that is named, whatever there is", () => {
  vi.stubEnv("CHROMIUM_BIN", "/opt/mine");
  vi.stubEnv("PATH", folderWith("chromium", 0o755));
  expect(findChromium()).toBe("/opt/mine");
});
