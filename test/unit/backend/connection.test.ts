import { setImmediate as nextTurn } from "node:timers/promises";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Connection, type ConnectionOptions } from "../../../src/backend/redis/connection.js";
import { classify } from "../../../src/backend/redis/reply-errors.js";
import { until } from "../../support/until.js";
import { bulk, failure, FakeServer, info, integer, list, ok, silence } from "./fake-server.js";
import { fixedCredentials } from "./fixed-credentials.js";
import { rejection } from "./open-backend.js";

let server: FakeServer;
beforeEach(async () => {
  server = await FakeServer.start();
});
afterEach(() => server.stop());

function options(more: Partial<ConnectionOptions> = {}): ConnectionOptions {
  return {
    address: server.address,
    tls: undefined,
    credentials: fixedCredentials(),
    name: "shop:command:one",
    database: 0,
    timeout: 5_000,
    signal: new AbortController().signal,
    ...more,
  };
}

async function open(more: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const connection = await Connection.open(options(more));
  onTestFinished(() => connection.destroy());
  return connection;
}

describe("the handshake", () => {
  test("says who it is, reads INFO, and sends nothing of the library's own", async () => {
    const connection = await open();
    expect(server.received.map(({ words }) => words)).toEqual([
      ["CLIENT", "setname", "shop:command:one"],
      ["INFO"],
      ["TIME"],
    ]);
    expect(connection.info).toMatchObject({ version: "7.0.15", mode: "standalone", role: "master" });
    expect(connection.open).toBe(true);
  });

  test("authenticates with what the credentials are now, and selects the database, before anything else", async () => {
    await open({ credentials: fixedCredentials({ username: "app", password: "first" }), database: 3 });
    await open({ credentials: fixedCredentials({ password: "second" }) });
    const before = server.received.map(({ words }) => words.join(" "));
    expect(before).toEqual([
      "AUTH app first",
      "SELECT 3",
      "CLIENT setname shop:command:one",
      "INFO",
      "TIME",
      "AUTH second",
      "CLIENT setname shop:command:one",
      "INFO",
      "TIME",
    ]);
  });

  test("fails when the database is refused: nothing may be written into another", async () => {
    server.answer(([name]) => (name === "SELECT" ? failure("ERR DB index is out of range") : undefined));
    const error = await rejection(open({ database: 99 }));
    expect(error.message).toBe("ERR DB index is out of range");
    await until(() => server.open === 0, { what: "the refused connection to end" });
  });

  test("is content with a server that refuses CLIENT and INFO to this user", async () => {
    server.answer(([name]) =>
      name === "CLIENT" || name === "INFO" ? failure("NOPERM this user has no permissions") : undefined,
    );
    const connection = await open();
    expect(connection.open).toBe(true);
    expect(connection.info).toBeUndefined();
  });

  test("fails while the server is loading", async () => {
    server.answer(([name]) => (name === "INFO" ? info({ loading: "1" }) : undefined));
    expect((await rejection(open())).message).toMatch(/^LOADING/);
  });

  test("ends within its timeout when the server accepts and says nothing", async () => {
    server.answer(() => silence);
    const error = await rejection(open({ timeout: 50 }));
    expect(error).toMatchObject({ code: "ETIMEDOUT", message: "no answer within 50 ms" });
    await until(() => server.open === 0, { what: "the silent connection to end" });
  });

  test("ends at once when the backend is closed meanwhile", async () => {
    server.answer(() => silence);
    const closing = new AbortController();
    const opening = rejection(open({ signal: closing.signal }));
    await until(() => server.count("INFO") === 1, { what: "the handshake to begin" });
    closing.abort();
    expect((await opening).message).toMatch(/closed/);
    await until(() => server.open === 0, { what: "the connection to end" });
  });

  test("is not even begun when the backend is closed already", async () => {
    await rejection(open({ signal: AbortSignal.abort() }));
    await nextTurn();
    expect(server.accepted).toBe(0);
  });

  test("keeps the password out of the error with which it is refused", async () => {
    server.answer(([name]) => (name === "AUTH" ? failure("WRONGPASS invalid username-password pair") : undefined));
    const error = await rejection(open({ credentials: fixedCredentials({ username: "app", password: "s3cret" }) }));
    expect(error.message).toMatch(/^WRONGPASS/);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("s3cret");
  });

  test("keeps the password out of the error of a server that knows no AUTH, and repeats what it was sent", async () => {
    server.answer(([name, ...args]) =>
      name === "AUTH"
        ? failure(`ERR unknown command 'AUTH', with args beginning with: ${args.map((word) => `'${word}'`).join(" ")} `)
        : undefined,
    );
    const error = await rejection(open({ credentials: fixedCredentials({ password: "s3cret" }) }));
    expect(error.message).toBe("ERR unknown command 'AUTH'");
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("s3cret");
  });

  test("fails when the server hangs up with the last answer still to come", async () => {
    server.answer(([name], connection) => {
      if (name !== "TIME") return undefined;
      setTimeout(() => connection.reset(), 20);
      return silence;
    });
    await rejection(open());
  });

  test("fails within its timeout when the credentials are not given, and says that it waited for them", async () => {
    const credentials = { read: () => new Promise<never>(() => undefined), refused: () => undefined };
    const error = await rejection(open({ credentials, timeout: 50 }));
    expect(error.message).toBe("the credentials were not given within 50 ms");
    await until(() => server.open === 0, { what: "the connection to end" });
  });

  test("drops credentials that the server refused, and keeps those that it had no time to judge", async () => {
    let refused = 0;
    const credentials = {
      read: () => Promise.resolve({ password: "token" }),
      refused: () => {
        refused += 1;
      },
    };
    server.answer(() => silence);
    await rejection(open({ credentials, timeout: 50 }));
    expect(refused).toBe(0);
    server.answer(([name]) => (name === "AUTH" ? failure("WRONGPASS invalid username-password pair") : undefined));
    await rejection(open({ credentials }));
    expect(refused).toBe(1);
  });
});

describe("sending", () => {
  test("64 commands of one turn leave in one write", async () => {
    const connection = await open();
    const before = server.chunks;
    const replies = await Promise.all(
      Array.from({ length: 64 }, (_, index) => connection.send("get", [`key-${index}`])),
    );
    expect(replies).toHaveLength(64);
    expect(server.count("GET")).toBe(64);
    expect(server.chunks - before).toBe(1);
  });

  test("bytes among texts keep their place, and all arrive", async () => {
    const connection = await open();
    const sent = Array.from({ length: 30 }, (_, index) => `value-${index}`);
    await Promise.all(
      sent.map((value, index) => connection.send("set", ["key", index % 3 === 1 ? Buffer.from(value) : value])),
    );
    expect(server.calls().map((words) => words[2])).toEqual(sent);
  });

  test("the commands of the next turn go on their way, too", async () => {
    const connection = await open();
    await connection.send("get", ["one"]);
    await connection.send("get", ["two"]);
    expect(server.calls()).toEqual([
      ["GET", "one"],
      ["GET", "two"],
    ]);
  });

  test("answers text, numbers, null and lists of these", async () => {
    server.answer(([name]) => (name === "EVAL" ? list(bulk("OK"), integer(7), "$-1\r\n", list(bulk("é"))) : undefined));
    const connection = await open();
    expect(await connection.send("eval", ["return", 0])).toEqual(["OK", 7, null, ["é"]]);
  });

  test("takes text, numbers and bytes as they are", async () => {
    const connection = await open();
    const args = ["text €", 1.5, Buffer.from("bytes")];
    await connection.send("set", args);
    expect(server.calls()).toEqual([["SET", "text €", "1.5", "bytes"]]);
    expect(args).toEqual(["text €", 1.5, Buffer.from("bytes")]);
  });

  test("an error reply rejects without the arguments of the command, which may be somebody's session", async () => {
    server.answer(([name]) => (name === "EVAL" ? failure("ERR no") : undefined));
    const connection = await open();
    const error = await rejection(connection.send("eval", ["return", 1, "key", "payload-of-a-session"]));
    expect(error).toMatchObject({ name: "ReplyError", message: "ERR no" });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("payload-of-a-session");
  });
});

describe("the end", () => {
  test.each([
    ["the server resets it", (): void => server.reset()],
    ["it is destroyed", (connection: Connection): void => connection.destroy(new Error("not wanted"))],
  ])("rejects every outstanding reply and is told once when %s", async (_how, end) => {
    server.answer(([name]) => (name === "GET" ? silence : undefined));
    const connection = await open();
    const reasons: Error[] = [];
    connection.onEnd((reason) => reasons.push(reason));
    const outstanding = Array.from({ length: 20 }, () => rejection(connection.send("get", ["a"])));
    await until(() => server.count("GET") === 20, { what: "the commands to arrive" });
    end(connection);
    for (const error of await Promise.all(outstanding)) expect(error.name).not.toBe("ReplyError");
    await until(() => reasons.length > 0, { what: "the end to be told" });
    connection.destroy();
    await nextTurn();
    expect(reasons).toHaveLength(1);
    expect(connection.open).toBe(false);
    await rejection(connection.send("get", ["b"]));
  });

  test("comes with the reason for which it was destroyed", async () => {
    const connection = await open();
    const reason = new Promise<Error>((resolve) => {
      connection.onEnd(resolve);
    });
    connection.destroy(new Error("no heartbeat"));
    expect((await reason).message).toBe("no heartbeat");
  });

  test("is for good: nothing reconnects, nothing is sent again", async () => {
    server.answer(([name]) => (name === "GET" ? silence : undefined));
    const connection = await open();
    const outstanding = rejection(connection.send("get", ["a"]));
    await until(() => server.count("GET") === 1, { what: "the command to arrive" });
    server.reset();
    await outstanding;
    // Another connection after it shows that the first one had the time to come back.
    await open();
    expect(server.accepted).toBe(2);
    expect(server.count("GET")).toBe(1);
  });

  test("begins at once: what is sent from then on was never written, and is told so", async () => {
    const connection = await open();
    connection.destroy();
    const error = await rejection<Error>(connection.send("get", ["a"]));
    expect(classify(error).kind).toBe("unsent");
    expect(server.count("GET")).toBe(0);
  });

  test("is immediate when the backend is closed", async () => {
    const closing = new AbortController();
    const connection = await open({ signal: closing.signal });
    closing.abort();
    expect(connection.open).toBe(false);
    await until(() => server.open === 0, { what: "the connection to end" });
  });

  test("an answer that is not RESP ends it, and says so", async () => {
    server.answer(([name]) => (name === "GET" ? "HTTP/1.1 400 Bad Request\r\n\r\n" : undefined));
    const connection = await open();
    const error = await rejection(connection.send("get", ["a"]));
    expect(error.name).not.toBe("ReplyError");
    expect(connection.open).toBe(false);
  });
});

describe("a subscriber", () => {
  test("hears the messages of its channels", async () => {
    server.answer(([name]) =>
      name === "SUBSCRIBE"
        ? list(bulk("subscribe"), bulk("news"), integer(1)) + list(bulk("message"), bulk("news"), bulk("hi"))
        : ok,
    );
    const connection = await open();
    const heard: string[] = [];
    connection.onMessage((channel, message) => heard.push(`${channel}: ${message}`));
    await connection.send("subscribe", ["news"]);
    await until(() => heard.length > 0, { what: "the message" });
    expect(heard).toEqual(["news: hi"]);
  });
});
