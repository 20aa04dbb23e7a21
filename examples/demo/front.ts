import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AppName } from "./app.js";
import type { Demo } from "./demo.js";

/** From build/examples/demo, where this runs, to the page's source. */
const pageSource = new URL("../../../examples/demo/page.html", import.meta.url);

/**
 * The one port of the demo: the page at `/`, what it shows at `/demo/...`, and both apps through their balancers at
 * `/ours/...` and `/usual/...`.
 */
export function createFront(demo: Demo): Server {
  const page = readFileSync(pageSource, "utf8");
  const policy = policyFor(page);
  return createServer((req, res) => {
    res.setHeader("X-Content-Type-Options", "nosniff");
    const { pathname, app, rest } = split(req.url ?? "/");
    if (app !== undefined) return passOn(demo, app, rest, req, res);
    const isRead = req.method === "GET" || req.method === "HEAD";
    if (pathname === "/" && isRead) {
      res.writeHead(200, {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
      });
      res.end(req.method === "HEAD" ? undefined : page);
    } else if (pathname === "/demo/state" && isRead) {
      void demo.state().then((state) => sendJson(res, 200, state));
    } else if (pathname === "/demo/trials" && req.method === "POST") {
      runAgain(demo, req, res);
    } else {
      sendJson(res, 404, { error: "there are /, /demo/state, POST /demo/trials, /ours/session and /usual/session" });
    }
  });
}

function split(url: string): { readonly pathname: string; readonly app: AppName | undefined; readonly rest: string } {
  const [, app, rest = ""] = /^\/(ours|usual)(\/.*|\?.*)?$/s.exec(url) ?? [];
  return {
    pathname: url.split("?", 1)[0] ?? "",
    app: app as AppName | undefined,
    rest: rest.startsWith("/") ? rest : `/${rest}`,
  };
}

function passOn(demo: Demo, app: AppName, rest: string, req: IncomingMessage, res: ServerResponse): void {
  const balancer = demo.balancer(app);
  if (balancer === undefined) return sendJson(res, 503, { error: "the demo is starting" });
  req.url = rest;
  // Rejects when the client has gone away: there is nobody to answer.
  balancer.handle(req, res).catch(() => res.destroy());
}

function runAgain(demo: Demo, req: IncomingMessage, res: ServerResponse): void {
  if (isCrossSite(req)) return sendJson(res, 403, { error: "only the demo's own page may do this" });
  if (demo.busy) return sendJson(res, 409, { error: "the trials are running" });
  void demo.measure().catch(() => undefined);
  sendJson(res, 202, {});
}

function isCrossSite({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  return headers.origin !== undefined && headers.origin !== `http://${headers.host}`;
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

/** Only the page's own script runs, whatever text comes into it. */
function policyFor(page: string): string {
  const script = /<script>(.*?)<\/script>/s.exec(page)?.[1] ?? "";
  const hash = createHash("sha256").update(script).digest("base64");
  return `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}
