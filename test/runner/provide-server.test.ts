import { tmpdir } from "node:os";
import { afterEach, expect, test, vi } from "vitest";
import { provideServer } from "../../scripts/support/provide-server.mjs";

afterEach(() => vi.unstubAllEnvs());

const none = (): Promise<{ path: string }> => Promise.reject(new Error("no server here"));

test("a server that is there is used", async () => {
  expect(await provideServer(() => Promise.resolve({ path: "redis-server" }))).toBe("redis-server");
});

test("without a server and without apt or apk it stops with the line to run", async () => {
  vi.stubEnv("PATH", tmpdir());
  vi.stubEnv("REDIS_SERVER_BIN", "");
  await expect(provideServer(none)).rejects.toThrow(/^no server here\nRun: \S+/);
});

test("a server that was named and is wrong is never replaced by another", async () => {
  vi.stubEnv("CI", "true");
  vi.stubEnv("REDIS_SERVER_BIN", "wrong");
  let asked = 0;
  const find = (): Promise<{ path: string }> => {
    asked += 1;
    return none();
  };
  await expect(provideServer(find)).rejects.toThrow("no server here");
  expect(asked).toBe(1);
});
