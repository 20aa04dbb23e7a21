import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AppName } from "./app.js";
import { isCrossSite } from "./cross-site.js";
import type { Action, Demo } from "./demo.js";
import { explain } from "./explain.js";
import type { ActionResult } from "./instance-actions.js";
import { readPage, sendPageFile } from "./page-files.js";

/** What the front needs of the demo. */
export type FrontedDemo = Pick<Demo, "balancer" | "state" | "act" | "measure" | "notMeasurable">;

const routes =
  "there are /, /demo/state, POST /demo/trials, POST /demo/instances/<name>/<start|stop|kill>, " +
  "POST /demo/servers/<host:port>/<start|kill|restart>, /ours/session and /usual/session";

const appPath = /^\/(?:users\/[a-z0-9-]{1,32}\/)?(ours|usual)(?=\/|\?|$)/;
const actionPath =
  /^\/demo\/(instances\/[\w-]{1,32}\/(?:start|stop|kill)|servers\/[\w.:-]{1,64}\/(?:start|kill|restart))$/;

/**
 * The one port of the demo: the page at `/`, what it shows and does at `/demo/...`, and both apps through their balancers
 * at `/ours/...` and `/usual/...`. Under `/users/<any>/ours/...` cookies are kept to that path, so that one browser can
 * be many users.
 */
export function createFront(demo: FrontedDemo): Server {
  const page = readPage();
  return createServer((req, res) => {
    res.setHeader("X-Content-Type-Options", "nosniff");
    const [, app] = appPath.exec(req.url ?? "") ?? [];
    if (app !== undefined) return passOn(demo, app as AppName, req, res);
    const pathname = (req.url ?? "/").split("?", 1)[0] ?? "";
    const file = page.get(pathname);
    if (file !== undefined) return forReading(req, res, () => sendPageFile(req, res, file));
    if (pathname === "/demo/state") return forReading(req, res, () => answer(res, demo.state()));
    if (pathname === "/demo/trials") return forActing(req, res, () => runTrials(demo, res));
    const [, action] = actionPath.exec(pathname) ?? [];
    if (action !== undefined) return forActing(req, res, () => act(demo, action, res));
    sendJson(res, 404, { error: routes });
  });
}

function passOn(demo: FrontedDemo, app: AppName, req: IncomingMessage, res: ServerResponse): void {
  const balancer = demo.balancer(app);
  if (balancer === undefined) return sendJson(res, 503, { error: "the demo is starting" });
  const [prefix = ""] = appPath.exec(req.url ?? "") ?? [];
  const rest = (req.url ?? "").slice(prefix.length);
  req.url = rest.startsWith("/") ? rest : `/${rest}`;
  const cookiePath = prefix.startsWith("/users/") ? `${prefix}/` : undefined;
  // Rejects when the client has gone away: there is nobody to answer.
  balancer.handle(req, res, cookiePath).catch(() => res.destroy());
}

function forReading(req: IncomingMessage, res: ServerResponse, send: () => void): void {
  if (req.method === "GET" || req.method === "HEAD") return send();
  refuseMethod(res, "GET, HEAD");
}

function forActing(req: IncomingMessage, res: ServerResponse, work: () => void): void {
  if (req.method !== "POST") return refuseMethod(res, "POST");
  if (isCrossSite(req)) return sendJson(res, 403, { error: "only the demo's own page may do this" });
  work();
}

function refuseMethod(res: ServerResponse, allowed: string): void {
  res.setHeader("Allow", allowed);
  sendJson(res, 405, { error: `only ${allowed}` });
}

function runTrials(demo: FrontedDemo, res: ServerResponse): void {
  const refusal = demo.notMeasurable;
  if (refusal !== undefined) return sendJson(res, 409, { error: refusal });
  void demo.measure().catch(() => undefined);
  sendJson(res, 202, { done: "The trials are running." });
}

function act(demo: FrontedDemo, path: string, res: ServerResponse): void {
  const [on, name, action] = path.split("/");
  const result = demo.act({ on, name, action } as Action);
  answer(res, result, (made: ActionResult | undefined) => {
    if (made === undefined) return sendJson(res, 404, { error: `the demo has started nothing with the name ${name}` });
    if ("refused" in made) return sendJson(res, 409, { error: made.refused });
    sendJson(res, 200, made);
  });
}

function answer<T extends object | undefined>(
  res: ServerResponse,
  result: Promise<T>,
  send: (made: T) => void = (made) => sendJson(res, 200, made ?? {}),
): void {
  result.then(send, (error: unknown) => sendJson(res, 500, { error: explain(error) }));
}

function sendJson(res: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  res.writeHead(status, {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Content-Length": Buffer.byteLength(text),
  });
  res.end(text);
}
