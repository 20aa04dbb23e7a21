import { createRequire } from "node:module";
import { createConnection, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { AbstractConnector, Command, Redis } from "ioredis";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { until } from "../../support/until.js";
import { bulk, failure, FakeServer, silence } from "./fake-server.js";
import { rejection } from "./open-backend.js";

// What `connection.ts` and `connector.ts` rely on beyond ioredis' documentation (ADR 2). A version of ioredis that fails
// here needs a look at those two files before it is let in.

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.start();
});
afterEach(() => server.stop());

class Dialer extends AbstractConnector {
  static sockets: Socket[] = [];

  constructor() {
    super(0);
  }

  override connect(): Promise<Socket> {
    this.connecting = true;
    const socket = createConnection(server.address);
    socket.once("error", (error) => {
      this.firstError = error;
    });
    this.stream = socket;
    Dialer.sockets.push(socket);
    return Promise.resolve(socket);
  }
}

function client(): Redis {
  const redis = new Redis({
    ...server.address,
    Connector: Dialer as never,
    lazyConnect: true,
    protocol: 2,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    maxRetriesPerRequest: null,
    retryStrategy: null,
  });
  onTestFinished(() => redis.disconnect());
  return redis;
}

function send(redis: Redis, name: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
  return redis.sendCommand(new Command(name, args, { replyEncoding: "utf8" })) as Promise<unknown>;
}

test("the version is one of those that were looked at", () => {
  const { version } = createRequire(import.meta.url)("ioredis/package.json") as { version: string };
  expect(version).toMatch(/^6\.0\.\d+$/);
});

test("the socket is the one that the Connector made, and is there before connect() has begun to wait", async () => {
  const redis = client();
  Dialer.sockets = [];
  const connecting = redis.connect();
  expect(Dialer.sockets).toHaveLength(1);
  await connecting;
  expect(redis.status).toBe("ready");
  expect(Dialer.sockets).toHaveLength(1);
});

test("with these options it sends nothing of its own", async () => {
  const redis = client();
  await redis.connect();
  await send(redis, "get", "a");
  expect(server.received.map(({ words }) => words)).toEqual([["GET", "a"]]);
});

test("a command is one call of the socket's write, with a text, or with bytes when an argument is bytes", async () => {
  const redis = client();
  await redis.connect();
  const socket = Dialer.sockets.at(-1);
  const write = vi.spyOn(socket as Socket, "write");
  await Promise.all([send(redis, "get", "a", 1), send(redis, "set", "b", Buffer.from("c"))]);
  expect(write.mock.calls).toEqual([["*3\r\n$3\r\nget\r\n$1\r\na\r\n$1\r\n1\r\n"], [expect.any(Uint8Array)]]);
});

test("a Command copies its arguments, encodes numbers and bytes, and decodes its reply as text", async () => {
  server.answer(([name]) => (name === "GET" ? bulk("é") : undefined));
  const redis = client();
  await redis.connect();
  const args = ["a", 7, Buffer.from([0x62])];
  expect(await send(redis, "get", ...args)).toBe("é");
  expect(server.calls()).toEqual([["GET", "a", "7", "b"]]);
  expect(args).toEqual(["a", 7, Buffer.from([0x62])]);
});

test("an error reply is a ReplyError with the command hung on it", async () => {
  server.answer(([name]) => (name === "GET" ? failure("OOM no") : undefined));
  const redis = client();
  await redis.connect();
  const error = await rejection<Error & { command?: unknown }>(send(redis, "get", "a"));
  expect(error).toMatchObject({ name: "ReplyError", message: "OOM no", command: { name: "get", args: ["a"] } });
});

test("the end of the socket rejects what is outstanding, is told once, and leads to no reconnection", async () => {
  server.answer(([name]) => (name === "GET" ? silence : undefined));
  const redis = client();
  const ends: unknown[] = [];
  redis.on("error", () => undefined);
  redis.on("end", () => ends.push(redis.status));
  await redis.connect();
  const outstanding = [send(redis, "get", "a"), send(redis, "get", "b")].map((reply) => rejection(reply));
  await until(() => server.count("GET") === 2, { what: "the commands to arrive" });
  server.reset();
  for (const error of await Promise.all(outstanding)) {
    expect(error).toMatchObject({ name: "Error", message: "Connection is closed." });
  }
  await until(() => ends.length > 0, { what: "the end" });
  expect(ends).toEqual(["end"]);
  expect((await rejection(send(redis, "get", "c"))).message).toBe("Connection is closed.");
  await nextTurn();
  expect(server.accepted).toBe(1);
});

test("what is sent to a socket that is being destroyed is refused in words that the classifier knows", async () => {
  const redis = client();
  await redis.connect();
  Dialer.sockets.at(-1)?.destroy();
  expect(redis.status).toBe("ready");
  expect((await rejection(send(redis, "get", "a"))).message).toMatch(/^Stream isn't writeable/);
});

test("connect() rejects when the socket ends first, and the cause comes as `error`, not on the console", async () => {
  await server.stop();
  const print = vi.spyOn(console, "error").mockImplementation(() => undefined);
  onTestFinished(() => print.mockRestore());
  const redis = client();
  const errors: unknown[] = [];
  redis.on("error", (error: unknown) => errors.push(error));
  await rejection(redis.connect());
  expect(errors).toMatchObject([{ code: "ECONNREFUSED" }]);
  expect(print).not.toHaveBeenCalled();
  await server.resume();
});

test("an answer that is not RESP ends the connection with an error that is no ReplyError", async () => {
  server.answer(([name]) => (name === "GET" ? "HTTP/1.1 400 Bad Request\r\n\r\n" : undefined));
  const redis = client();
  redis.on("error", () => undefined);
  const ended = new Promise((resolve) => {
    redis.once("end", () => resolve(true));
  });
  await redis.connect();
  const error = await rejection(send(redis, "get", "a"));
  expect(error.name).not.toBe("ReplyError");
  expect(error.message).toMatch(/^Unknown RESP type/);
  expect(await ended).toBe(true);
});
