import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startChild } from "../../../support/child.js";
import { RespClient } from "../../../support/resp-client.js";
import { RedisProcess, type RedisProcessOptions } from "../../../support/servers/redis-process.js";
import { until } from "../../../support/until.js";
import { compileSupport } from "../compile-support.js";
import { isRunning, leftovers } from "../processes.js";

const started: RedisProcess[] = [];

async function start(options?: RedisProcessOptions): Promise<RedisProcess> {
  const server = await RedisProcess.start(options);
  started.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

describe("RedisProcess", () => {
  test("starts a server that answers, and stops without leaving a process or a folder", async () => {
    const server = await start();
    const { pid } = server;
    await expect(server.command("SET", "a", 1)).resolves.toBe("OK");
    expect(leftovers([pid], [server.directory])).toEqual([pid, server.directory]);
    await server.stop();
    expect(server.running).toBe(false);
    expect(leftovers([pid], [server.directory])).toEqual([]);
  });

  test("applies its options", async () => {
    const server = await start({ maxMemory: "64mb", password: "secret", appendOnly: true, config: ["databases 3"] });
    const setting = async (name: string): Promise<unknown> =>
      ((await server.command("CONFIG", "GET", name)) as string[])[1];
    expect(await setting("maxmemory")).toBe(String(64 << 20));
    expect(await setting("maxmemory-policy")).toBe("noeviction");
    expect(await setting("appendfsync")).toBe("always");
    expect(await setting("databases")).toBe("3");
    const stranger = await RespClient.connect({ host: server.host, port: server.port });
    await expect(stranger.command("GET", "a")).rejects.toThrow(/^NOAUTH/);
    stranger.close();
  });

  test("has users of an access list", async () => {
    const server = await start({ users: ["app on >word ~app:* +@all"] });
    const app = await RespClient.connect({ ...server.address, username: "app", password: "word" });
    await expect(app.command("SET", "app:a", 1)).resolves.toBe("OK");
    await expect(app.command("SET", "other", 1)).rejects.toThrow(/^NOPERM/);
    app.close();
  });

  test("keeps what was acknowledged through SIGKILL and a restart on the same port, with the append-only file", async () => {
    const server = await start({ appendOnly: true });
    const { pid, port } = server;
    await server.command("SET", "kept", "yes");
    await server.kill();
    expect(isRunning(pid)).toBe(false);
    await server.restart();
    expect(server.port).toBe(port);
    expect(server.pid).not.toBe(pid);
    await expect(server.command("GET", "kept")).resolves.toBe("yes");
  });

  test("has another password from its next start on", async () => {
    const server = await start({ password: "old-and-secret" });
    await expect(server.changePassword("old-and-secret", "new-and-secret")).rejects.toThrow("end it before");
    await server.kill();
    await server.changePassword("old-and-secret", "new-and-secret");
    await server.restart();
    await expect(server.command("CONFIG", "GET", "masterauth")).resolves.toEqual(["masterauth", "new-and-secret"]);
    const old = RespClient.connect({ ...server.address, password: "old-and-secret" });
    await expect(old).rejects.toThrow("WRONGPASS");
  });

  test("a frozen server answers nothing until it goes on, and can be stopped", async () => {
    const server = await start();
    server.pause();
    const client = await RespClient.connect({ ...server.address, timeout: 100 });
    await expect(client.command("PING")).rejects.toThrow("no answer to PING within 100 ms");
    expect(client.open).toBe(false);
    server.resume();
    await expect(server.command("PING")).resolves.toBe("PONG");
    server.pause();
    await server.stop();
    expect(server.running).toBe(false);
  });

  test("fails with the server's own words when it does not start", async () => {
    await expect(RedisProcess.start({ config: ["no-such-option yes"] })).rejects.toThrow(
      /did not start \(ended\).*no-such-option/s,
    );
    const server = await start();
    await expect(RedisProcess.start({ port: server.port })).rejects.toThrow(/did not start/);
  });

  test("does not outlive a process that is killed", async () => {
    const folder = await compileSupport(["servers/redis-process.ts"]);
    const script = join(folder, "owner.mjs");
    await writeFile(
      script,
      `import { RedisProcess } from "./servers/redis-process.js";
       const { pid, directory } = await RedisProcess.start();
       process.send({ pid, directory });
       setInterval(() => {}, 1000);`,
    );
    const owner = startChild(script);
    type Started = { readonly pid: number; readonly directory: string };
    const { pid, directory } = await owner.message((message): message is Started => typeof message === "object");
    expect(leftovers([pid], [directory])).toEqual([pid, directory]);
    await owner.stop();
    await until(() => leftovers([pid], [directory]).length === 0, { what: "the orphan server and its folder to go" });
    await rm(folder, { recursive: true });
  });
});
