import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { Balancer, type Target } from "../../examples/demo/balancer.js";
import { HttpClient } from "../support/http-client.js";
import { freePort } from "../support/servers/free-port.js";
import { until } from "../support/until.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Backend extends Target {
  /** What it was asked, without the polls. */
  readonly asked: string[];
  ready: boolean;
}

type Answer = (req: IncomingMessage, res: ServerResponse, body: string) => void;

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function backend(name: string, answer: Answer = (_req, res) => void res.end(name)): Promise<Backend> {
  const asked: string[] = [];
  const server = createServer(async (req, res) => {
    if (req.url === "/healthz/ready") return void res.writeHead(made.ready ? 200 : 503).end();
    let body = "";
    for await (const piece of req) body += String(piece);
    asked.push(`${req.method} ${req.url} ${body}`.trim());
    answer(req, res, body);
  });
  const made: Backend = { name, port: await listen(server), asked, ready: true };
  return made;
}

async function nobody(name: string): Promise<Target> {
  return { name, port: await freePort() };
}

async function balance(
  targets: readonly Target[],
): Promise<{ readonly balancer: Balancer; readonly client: HttpClient }> {
  const balancer = new Balancer(targets);
  const port = await listen(createServer((req, res) => void balancer.handle(req, res)));
  const client = new HttpClient(`http://127.0.0.1:${port}`, 2_000);
  closers.push(
    () => balancer.close(),
    () => client.close(),
  );
  return { balancer, client };
}

test("takes the instances in turn, also for one client on one connection", async () => {
  const { client, balancer } = await balance([await backend("a"), await backend("b"), await backend("c")]);
  const answers: string[] = [];
  for (let turn = 0; turn < 6; turn += 1) answers.push((await client.request({ path: "/" })).text);
  expect(answers.toSorted()).toEqual(["a", "a", "b", "b", "c", "c"]);
  expect(new Set(answers.slice(0, 3)).size).toBe(3);
  expect(["a", "b", "c"].map((name) => balancer.served(name))).toEqual([2, 2, 2]);
});

test("hands a request whose connection was refused to the next instance, whole and once", async () => {
  const alive = await backend("alive");
  const { client } = await balance([await nobody("gone-1"), alive, await nobody("gone-2")]);
  for (let turn = 0; turn < 3; turn += 1) {
    const { status, text } = await client.request({ path: `/write/${turn}`, method: "POST", body: "all of it" });
    expect([status, text]).toEqual([200, "alive"]);
  }
  expect(alive.asked).toEqual(["POST /write/0 all of it", "POST /write/1 all of it", "POST /write/2 all of it"]);
});

test("does not repeat a request that an instance may have seen", async () => {
  const cutOff: Answer = (req) => void req.socket.destroy();
  const backends = [await backend("a", cutOff), await backend("b", cutOff)];
  const { client } = await balance(backends);
  const { status } = await client.request({ path: "/pay", method: "POST", body: "1" });
  expect(status).toBe(502);
  expect(backends.flatMap(({ asked }) => asked)).toEqual(["POST /pay 1"]);
});

test("an answer that breaks off is no answer", async () => {
  const breakOff: Answer = (req, res) => {
    res.writeHead(200, { "Content-Length": "100" });
    res.write("the beginning", () => req.socket.destroy());
  };
  const { client } = await balance([await backend("a", breakOff)]);
  await expect(client.request({ path: "/" })).rejects.toThrow(/aborted|hang up|ECONNRESET/);
});

test("an instance that is not ready gets no requests until it is again", async () => {
  const [one, two] = [await backend("one"), await backend("two")];
  const { client, balancer } = await balance([one, two]);
  one.ready = false;
  await until(() => balancer.available.length === 1, { what: "the balancer to see readiness 503" });
  for (let turn = 0; turn < 4; turn += 1) expect((await client.request({ path: "/" })).text).toBe("two");
  one.ready = true;
  await until(() => balancer.available.length === 2, { what: "the balancer to see that it is back" });
  const answers = [await client.request({ path: "/" }), await client.request({ path: "/" })];
  expect(answers.map(({ text }) => text).toSorted()).toEqual(["one", "two"]);
});

test("answers 503 when there is no instance, and 413 for a body that it would have to keep", async () => {
  const { client } = await balance([await nobody("gone")]);
  const { status, headers } = await client.request({ path: "/" });
  expect([status, headers["retry-after"]]).toEqual([503, "1"]);
  const large = await client.request({ path: "/", method: "POST", body: "x".repeat(70_000) });
  expect(large.status).toBe(413);
});
