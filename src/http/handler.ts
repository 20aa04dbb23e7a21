import type { IncomingMessage, ServerResponse } from "node:http";

/** Passes the request on to whatever comes next, or hands it an error. */
export type Next = (error?: unknown) => void;

/** A request handler for Express 4 and 5, and for the `router` package. */
export type Handler = (req: IncomingMessage, res: ServerResponse, next: Next) => unknown;

/** A handler that also serves a bare `node:http` server, which passes no `next`. */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse, next?: Next) => void;
