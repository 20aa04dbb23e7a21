import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HttpClient } from "../../support/http-client.js";
import { startLoad, summarize } from "../../support/load.js";
import { until } from "../../support/until.js";

let server: Server;
let origin: string;
let connections: number;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  connections = 0;
  server = createServer((request, response) => answer(request, response));
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

describe("HttpClient", () => {
  test("keeps cookies, and drops those that have expired", async () => {
    const sent: (string | undefined)[] = [];
    const answers = [
      ["a=1; Path=/", "b=two; HttpOnly"],
      ["a=; Max-Age=0"],
      ["b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
      [],
    ];
    answer = (request, response) => {
      sent.push(request.headers.cookie);
      response.setHeader("set-cookie", answers.shift() ?? []).end();
    };
    const http = new HttpClient(origin);
    for (let turn = 0; turn < 4; turn += 1) await http.request({ path: "/" });
    expect(sent).toEqual([undefined, "a=1; b=two", "b=two", undefined]);
    expect(connections).toBe(1);
    http.close();
  });

  test("sends JSON and gives the whole answer", async () => {
    answer = (request, response) => {
      request.setEncoding("utf8").on("data", (text: string) => {
        response.writeHead(201, { "x-method": request.method }).end(`${request.headers["content-type"]} ${text}`);
      });
    };
    const http = new HttpClient(origin);
    const response = await http.request({ path: "/x", method: "POST", body: { é: 1 } });
    expect(response).toMatchObject({ status: 201, text: 'application/json {"é":1}' });
    expect(response.headers["x-method"]).toBe("POST");
    http.close();
  });

  test("rejects when there is no answer in time", async () => {
    answer = () => {};
    const http = new HttpClient(origin, 50);
    await expect(http.request({ path: "/" })).rejects.toThrow("no answer within 50 ms");
    http.close();
  });
});

describe("load", () => {
  test("sends as many requests as asked, over one connection for each client, and records them", async () => {
    answer = (request, response) => response.writeHead(request.url === "/7" ? 503 : 200).end(request.headers.cookie);
    const seen: string[] = [];
    const load = startLoad({
      origin,
      clients: 3,
      requests: 30,
      make: ({ index }) => ({ path: `/${index}` }),
      onResponse: (response, record) => seen.push(`${record.index} ${response.status}`),
    });
    const records = await load.finished;
    expect(records.map(({ index }) => index).sort((one, other) => one - other)).toEqual(
      Array.from({ length: 30 }, (_, index) => index),
    );
    expect(new Set(records.map(({ client }) => client)).size).toBe(3);
    expect(connections).toBe(3);
    expect(seen).toContain("7 503");
    const summary = load.summary();
    expect(summary).toMatchObject({ requests: 30, statuses: { 200: 29, 503: 1 }, errors: {}, failed: 1 });
    expect(summary.longest).toBeGreaterThanOrEqual(summary.median);
  });

  test("goes on until it is stopped, and waits for what is under way", async () => {
    answer = (_request, response) => response.end();
    const load = startLoad({ origin, clients: 2, rest: 1, make: () => ({ path: "/" }) });
    await until(() => load.records.length >= 10, { what: "ten answers" });
    const count = (await load.stop()).length;
    expect(load.summary().failed).toBe(0);
    expect(await load.finished).toHaveLength(count);
  });

  test("ends when its time is over", async () => {
    answer = (_request, response) => response.end();
    const load = startLoad({ origin, clients: 1, duration: 50, rest: 5, make: () => ({ path: "/" }) });
    const records = await load.finished;
    expect(records.every(({ began }) => began < 51)).toBe(true);
    expect(records.length).toBeGreaterThan(0);
  });

  test("an answer that never came is recorded with its error", async () => {
    answer = (request) => request.socket.destroy();
    const records = await startLoad({ origin, clients: 1, requests: 2, make: () => ({ path: "/" }) }).finished;
    expect(summarize(records)).toMatchObject({ requests: 2, failed: 2, errors: { ECONNRESET: 2 }, statuses: {} });
  });
});
