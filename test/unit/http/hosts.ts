import { once } from "node:events";
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { afterEach } from "vitest";
import type { RequestHandler } from "../../../src/http/handler.js";

/** Just what the tests use of an Express app, which is typed neither here nor in src. */
interface ExpressApp extends RequestListener {
  use(...args: unknown[]): void;
}

const require = createRequire(import.meta.url);
const express5 = require("express") as () => ExpressApp;
const express4 = require("express4") as () => ExpressApp;

/** The hosts under which a handler must behave the same, mounted at `/mount` in the apps. */
export const hosts: readonly (readonly [name: string, listen: (handler: RequestHandler) => Promise<Target>])[] = [
  ["bare node", (handler) => listen((req, res) => handler(req, res))],
  ["express 5", (handler) => listenApp(express5(), handler)],
  ["express 4", (handler) => listenApp(express4(), handler)],
];

export interface Target {
  readonly port: number;
  /** What stands before every path of the handler. */
  readonly base: string;
  /** Errors that reached the app's error handler. */
  readonly errors: unknown[];
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: () => unknown;
}

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
});

/** Serves on loopback until the test ended. */
export async function listen(listener: RequestListener): Promise<Target> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, base: "", errors: [] };
}

async function listenApp(app: ExpressApp, handler: RequestHandler): Promise<Target> {
  const errors: unknown[] = [];
  app.use("/mount", handler);
  app.use((_req: IncomingMessage, res: ServerResponse) => void res.writeHead(404).end("the app's own 404"));
  app.use((error: unknown, _req: IncomingMessage, res: ServerResponse, _next: unknown) => {
    errors.push(error);
    res.writeHead(500).end("the app's own 500");
  });
  return { ...(await listen(app)), base: "/mount", errors };
}

/** One request on a connection of its own. */
export async function ask(
  target: Target,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = "",
): Promise<Answer> {
  const outgoing = request({
    port: target.port,
    host: "127.0.0.1",
    method,
    path: target.base + path,
    headers,
    agent: false,
  });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of incoming.setEncoding("utf8")) text += String(chunk);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: () => JSON.parse(text) as unknown };
}

/** A request as far as header parsers look at it. */
export function fakeRequest(headers: IncomingHttpHeaders, method = "POST"): IncomingMessage {
  return { method, headers } as IncomingMessage;
}
