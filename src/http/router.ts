import type { IncomingMessage } from "node:http";
import Router from "router";
import type { Handler, RequestHandler } from "./handler.js";
import { problemOf, sendProblem } from "./problem.js";

/** The methods that a route may have. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One method of one path; HEAD is answered by the handlers of GET. */
export interface Route {
  readonly method: Method;
  /** As in Express 5: `/:id/events`. */
  readonly path: string;
  readonly handlers: readonly Handler[];
}

/** A request inside a route, with the named parts of its path, decoded. */
export interface RoutedRequest extends IncomingMessage {
  readonly params: Readonly<Record<string, string>>;
}

/** What a router does beside its routes. */
export interface RouterOptions {
  /** Told of failures (5xx) on a bare Node server, where no error handler follows; default a process warning. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Routes for a path of an Express 4 or 5 app, or for a whole bare `node:http` server.
 *
 * In an app an unknown path and a failure go to `next`; on bare Node they are answered as problems. A known path with
 * another method is answered by 405 with `Allow`, and `OPTIONS` by 204 with it.
 */
export function createRouter(routes: readonly Route[], options: RouterOptions = {}): RequestHandler {
  const { onError = warnProcess } = options;
  const router = new Router();
  for (const { method, path, handlers } of routes) router.route(path)[lowerCase(method)]([...handlers]);
  addMethodRefusal(router, routes);
  return (req, res, next) => {
    router(req, res, (error?: unknown) => {
      if (next !== undefined) return next(error);
      if (error === undefined || error === null) return sendProblem(res, { status: 404 });
      const problem = problemOf(error);
      if (problem.status >= 500) onError(error);
      sendProblem(res, problem);
    });
  };
}

/** The query of a request; read from its URL, since bare Node has no `req.query` and apps configure theirs. */
export function queryOf(req: IncomingMessage): URLSearchParams {
  const url = req.url ?? "";
  const start = url.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : url.slice(start + 1));
}

/** Comes after all routes and gathers what every matching path allows, since a later path may serve the method that an earlier one lacks. */
function addMethodRefusal(router: Router.Router, routes: readonly Route[]): void {
  const allowed = new WeakMap<IncomingMessage, Set<string>>();
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map((route) => route.method);
    router.all(path, (req, _res, next) => {
      const known = allowed.get(req) ?? new Set<string>();
      for (const method of methods) known.add(method);
      allowed.set(req, known);
      next();
    });
  }
  router.use((req, res, next) => {
    const known = allowed.get(req);
    if (known?.has("GET") === true) known.add("HEAD");
    // A handler of this very method ran and passed the request on: that is its decision, not a wrong method.
    if (known === undefined || known.has(req.method ?? "")) return next();
    const Allow = [...known, "OPTIONS"].join(", ");
    if (req.method === "OPTIONS") return void res.writeHead(204, { Allow }).end();
    return sendProblem(res, { status: 405, detail: `this path allows ${Allow}`, headers: { Allow } });
  });
}

function lowerCase(method: Method): Lowercase<Method> {
  return method.toLowerCase() as Lowercase<Method>;
}

function warnProcess(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
