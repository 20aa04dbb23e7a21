import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findServer } from "../../../support/servers/find-server.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "express-fleet-programs-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, output: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\necho "${output}"\n`);
  await chmod(path, 0o755);
  return path;
}

describe("findServer", () => {
  test("finds the server of this machine", async () => {
    const found = await findServer();
    expect(found.major).toBeGreaterThanOrEqual(5);
    expect(found.version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("takes REDIS_SERVER_BIN before the PATH, and the client beside it", async () => {
    const path = await program("valkey-server", "Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc bits=64");
    const cli = await program("valkey-cli", "");
    const found = await findServer({ ...process.env, REDIS_SERVER_BIN: path });
    expect(found).toEqual({ path, product: "valkey", version: "8.0.1", major: 8, cli });
  });

  test("finds valkey-server on the PATH when there is no redis-server", async () => {
    const path = await program("valkey-server", "Valkey server v=8.0.1");
    await expect(findServer({ PATH: `/nowhere:${folder}` })).resolves.toMatchObject({ path, product: "valkey" });
  });

  test("refuses a server older than 5.0", async () => {
    const path = await program("redis-server", "Redis server v=4.0.14 sha=00000000:0");
    await expect(findServer({ REDIS_SERVER_BIN: path })).rejects.toThrow(
      /is Redis 4\.0\.14; 5\.0 or later is needed\. Install it/,
    );
  });

  test("says what is missing and how to mend it", async () => {
    await expect(findServer({ PATH: folder })).rejects.toThrow(
      /Neither redis-server nor valkey-server.*apt-get install/,
    );
    await expect(findServer({ REDIS_SERVER_BIN: join(folder, "none") })).rejects.toThrow(
      /REDIS_SERVER_BIN names .*none/,
    );
    const other = await program("redis-server", "something else");
    await expect(findServer({ REDIS_SERVER_BIN: other })).rejects.toThrow(
      /printed no server version but "something else/,
    );
  });
});
