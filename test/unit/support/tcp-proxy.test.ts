import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { HttpClient } from "../../support/http-client.js";
import { RespClient } from "../../support/resp-client.js";
import { encodeCommand } from "../../support/resp-parser.js";
import { RedisProcess } from "../../support/servers/redis-process.js";
import { TcpProxy } from "../../support/tcp-proxy.js";
import { until } from "../../support/until.js";

let server: RedisProcess;
let proxy: TcpProxy;
const clients: RespClient[] = [];

beforeAll(async () => {
  server = await RedisProcess.start();
});

beforeEach(async () => {
  await server.command("FLUSHALL");
  proxy = await TcpProxy.start({ target: server });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await proxy.stop();
  await until(() => proxy.open === 0, { what: "the proxy's connections to end" });
});

afterAll(() => server.stop());

async function client(timeout: number = 2_000): Promise<RespClient> {
  const connected = await RespClient.connect({ host: proxy.host, port: proxy.port, timeout });
  clients.push(connected);
  return connected;
}

describe("TcpProxy", () => {
  test("passes commands and counts them", async () => {
    const one = await client();
    const two = await client();
    await Promise.all([one.command("set", "a", 1), one.command("GET", "a"), two.command("GET", "a")]);
    await expect(one.command("INCR", "a")).resolves.toBe(2);
    expect(proxy.commandCounts()).toEqual({ SET: 1, GET: 2, INCR: 1 });
    expect(proxy.commands().at(-1)).toEqual({ name: "INCR", words: ["INCR", "a"], connection: 1 });
    expect(proxy.traffic.accepted).toBe(2);
    expect(proxy.traffic.bytesFromClient).toBeGreaterThan(80);
    expect(proxy.traffic.chunksFromClient).toBe(3);
    proxy.resetCounts();
    expect(proxy.commandCounts()).toEqual({});
    expect(proxy.traffic.bytesFromServer).toBe(0);
  });

  test("drops exactly one reply, after the server has executed the command", async () => {
    const dropped = proxy.dropReplies();
    const first = await client();
    await expect(first.command("PING")).resolves.toBe("PONG");
    await expect(first.command("INCR", "n")).rejects.toThrow("the connection was closed");
    expect(dropped).toEqual([{ command: { name: "INCR", words: ["INCR", "n"], connection: 1 }, reply: 1 }]);
    await expect(server.command("GET", "n")).resolves.toBe("1");

    const second = await client();
    await expect(second.command("INCR", "n")).resolves.toBe(2);
    expect(dropped).toHaveLength(1);
  });

  test("answers before the dropped one arrive, those behind it are lost with it", async () => {
    const dropped = proxy.dropReplies(2, ({ name }) => name === "INCR");
    const first = await client();
    const outcomes = await Promise.allSettled([
      first.command("SET", "n", 10),
      first.command("INCR", "n"),
      first.command("INCR", "n"),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(dropped.map(({ reply }) => reply)).toEqual([11]);
    await expect((await client()).command("INCR", "n")).rejects.toThrow();
    expect(dropped.map(({ reply }) => reply)).toEqual([11, 13]);
    await expect((await client()).command("INCR", "n")).resolves.toBe(14);
  });

  test("delivers a command twice, and the client sees one answer", async () => {
    const doubled = proxy.deliverTwice();
    const one = await client();
    await expect(Promise.all([one.command("INCR", "n"), one.command("GET", "n")])).resolves.toEqual([1, "2"]);
    expect(doubled.map(({ reply }) => reply)).toEqual([2]);
    const again = proxy.deliverTwice();
    await expect(one.command("INCR", "n")).resolves.toBe(3);
    expect(again.map(({ reply }) => reply)).toEqual([4]);
  });

  test("delivers a command late, when its client has long gone on", async () => {
    const held = proxy.deliverLate();
    const first = await client();
    await expect(first.command("SET", "k", "old")).rejects.toThrow();
    const second = await client();
    await second.command("SET", "k", "new");
    await expect(held[0]?.deliver()).resolves.toBe("OK");
    await expect(second.command("GET", "k")).resolves.toBe("old");
  });

  test("stalls without closing, and passes on later what was held back", async () => {
    const one = await client();
    await one.command("SET", "n", 1);
    proxy.stall();
    const late = one.command("INCR", "n");
    const impatient = await client(50);
    await expect(impatient.command("INCR", "n")).rejects.toThrow("no answer to INCR within 50 ms");
    expect(one.open).toBe(true);
    await expect(server.command("GET", "n")).resolves.toBe("1");
    await proxy.pass();
    await expect(late).resolves.toBeGreaterThan(1);
  });

  test("stalls open connections while new ones work", async () => {
    const one = await client();
    await one.command("SET", "n", 1);
    expect(proxy.stallOpen()).toBe(1);
    const late = one.command("INCR", "n");
    const two = await client();
    await expect(two.command("GET", "n")).resolves.toBe("1");
    expect(one.open).toBe(true);
    await proxy.pass();
    await expect(late).resolves.toBe(2);
  });

  test("cuts open connections and accepts new ones", async () => {
    const one = await client();
    await one.command("PING");
    proxy.cut();
    await expect(one.command("PING")).rejects.toThrow(/closed|ECONNRESET|EPIPE/);
    await expect((await client()).command("PING")).resolves.toBe("PONG");
  });

  test("refuses new connections until it passes again; open ones go on", async () => {
    const one = await client();
    await proxy.refuse();
    await expect(client()).rejects.toThrow("ECONNREFUSED");
    await expect(one.command("PING")).resolves.toBe("PONG");
    await proxy.pass();
    await expect((await client()).command("PING")).resolves.toBe("PONG");
  });

  test("delays answers and keeps their order", async () => {
    const one = await client();
    proxy.delay(60);
    const start = performance.now();
    const first = one.command("INCR", "n");
    await until(async () => (await server.command("GET", "n")) === "1", { what: "the first command" });
    proxy.delay(0);
    await expect(Promise.all([first, one.command("INCR", "n")])).resolves.toEqual([1, 2]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(59);
  });

  test("sends new connections to another server", async () => {
    const other = await RedisProcess.start();
    try {
      await other.command("SET", "who", "other");
      const one = await client();
      await one.command("SET", "who", "first");
      proxy.switchTo(other);
      await expect((await client()).command("GET", "who")).resolves.toBe("other");
      await expect(one.command("GET", "who")).resolves.toBe("first");
    } finally {
      await other.stop();
    }
  });

  test("a connection whose server is away is reset", async () => {
    const away = await TcpProxy.start({ target: { host: "127.0.0.1", port: 1 } });
    const one = await RespClient.connect({ host: away.host, port: away.port });
    await expect(one.command("PING")).rejects.toThrow(/closed|ECONNRESET|EPIPE/);
    await away.stop();
  });

  test("takes messages of a subscription for what they are", async () => {
    const subscriber = await client();
    await expect(subscriber.command("SUBSCRIBE", "news")).resolves.toEqual(["subscribe", "news", 1]);
    const dropped = proxy.dropReplies(1, ({ name }) => name === "PING");
    // The frozen server finds both when it goes on, the message first.
    server.pause();
    const published = server.command("PUBLISH", "news", "hello");
    const answered = subscriber.command("PING").catch(() => "lost");
    await until(() => proxy.commandCounts()["PING"], { what: "the PING to pass" });
    server.resume();
    await expect(published).resolves.toBe(1);
    await answered;
    expect(dropped.map(({ reply }) => reply)).toEqual([["pong", ""]]);
  });

  test("keeps a share of the messages from subscribers, and nothing else", async () => {
    const socket = connect({ host: proxy.host, port: proxy.port });
    let heard = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      heard += text;
    });
    socket.write(encodeCommand(["SUBSCRIBE", "news"]));
    await until(() => heard.includes("subscribe"), { what: "the subscription" });
    const chances = [0.2, 0.1, 0.3];
    proxy.dropMessages(0.2, () => chances.shift() ?? 1);
    for (const text of ["first", "second", "third", "fourth"]) await server.command("PUBLISH", "news", text);
    socket.write(encodeCommand(["SUBSCRIBE", "more"]));
    await until(() => heard.includes("more"), { what: "the other subscription" });
    expect(heard.match(/first|second|third|fourth/g)).toEqual(["first", "third", "fourth"]);
    expect(proxy.lostMessages).toBe(1);
    proxy.dropMessages(1);
    await proxy.pass();
    await server.command("PUBLISH", "news", "fifth");
    await until(() => heard.includes("fifth"), { what: "the fifth message" });
    socket.destroy();
  });

  test("passes other protocols as bytes", async () => {
    const web: Server = createServer((_request, response) => response.end("hello"));
    await new Promise<void>((resolve) => {
      web.listen(0, "127.0.0.1", resolve);
    });
    const bytes = await TcpProxy.start({
      target: { host: "127.0.0.1", port: (web.address() as AddressInfo).port },
      protocol: "bytes",
    });
    const http = new HttpClient(`http://127.0.0.1:${bytes.port}`);
    await expect(http.request({ path: "/" })).resolves.toMatchObject({ status: 200, text: "hello" });
    http.close();
    await bytes.stop();
    web.close();
  });
});
