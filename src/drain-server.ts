import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Clock } from "./core/clock.js";

/** An HTTP or HTTPS server of Node, as far as closing it needs. */
export type ClosableServer = Pick<
  HttpServer,
  "close" | "listening" | "closeIdleConnections" | "closeAllConnections" | "prependListener"
>;

const lookEvery = 25;

/** From now on every answer asks its client to open another connection, so that the balancer's pool empties by itself. */
export function announceClose(server: ClosableServer): void {
  server.prependListener("request", (_req: IncomingMessage, res: ServerResponse) => {
    if (!res.headersSent) res.setHeader("Connection", "close");
  });
}

/**
 * Stops listening and resolves when the last request is answered, after `grace` milliseconds at most; then what is left
 * is cut off. Never rejects, and resolves at once when the server does not listen.
 */
export function closeServer(server: ClosableServer, grace: number, clock: Clock): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    let closed = false;
    server.close(() => {
      closed = true;
      limit.cancel();
      resolve();
    });
    const limit = clock.setTimeout(
      () => {
        server.closeAllConnections();
        closed = true;
        resolve();
      },
      grace,
      { keepAlive: true },
    );
    // A connection whose last request was under way when the server closed would otherwise idle until its keep-alive ends.
    const closeIdle = (): void => {
      if (closed) return;
      server.closeIdleConnections();
      clock.setTimeout(closeIdle, lookEvery, { keepAlive: true });
    };
    closeIdle();
  });
}
