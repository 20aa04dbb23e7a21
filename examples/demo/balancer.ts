import { Agent, get, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { createProxyServer, type ProxyServer } from "http-proxy-3";

/** Where an instance listens. */
export interface Target {
  readonly name: string;
  readonly port: number;
}

/** A request that is to be answered, and who has refused its connection. */
interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly body: Buffer;
  readonly refused: Set<Target>;
  readonly cookiePath?: string;
}

const pollEvery = 100;
const pollLimit = 1_000;
const largestBody = 64 * 1024;

/**
 * Hands requests to instances in turn, whoever sends them.
 *
 * An instance that refuses connections or answers `GET /healthz/ready` with 503 gets none until it is back. A request
 * goes on to the next instance only when its connection was refused, so that nothing of it was sent; any other failure
 * is its client's to see (502).
 */
export class Balancer {
  readonly #targets: readonly Target[];
  // Kept connections, as balancers have them; given up long before the instance would.
  readonly #agent = new Agent({ keepAlive: true, timeout: 1_000 });
  readonly #proxy: ProxyServer = createProxyServer({ agent: this.#agent, headers: { connection: "keep-alive" } });
  readonly #out = new Set<Target>();
  readonly #assigned = new WeakMap<ServerResponse, Target>();
  readonly #served = new Map<string, number>();
  readonly #timers = new Map<Target, NodeJS.Timeout>();
  #turn = 0;
  #closed = false;

  constructor(targets: readonly Target[]) {
    this.#targets = targets;
    this.#proxy.on("proxyRes", (answer, _req, res) => {
      const name = this.#assigned.get(res)?.name ?? "";
      this.#served.set(name, this.served(name) + 1);
      // These two speak of our connection to the instance, not of the client's to us.
      delete answer.headers["connection"];
      delete answer.headers["keep-alive"];
      answer.once("close", () => void (answer.complete || res.destroy()));
    });
    for (const target of targets) this.#poll(target);
  }

  /** The instances that get requests now. */
  get available(): readonly Target[] {
    return this.#targets.filter((target) => !this.#out.has(target));
  }

  /** How many requests an instance has answered. */
  served(name: string): number {
    return this.#served.get(name) ?? 0;
  }

  /** Has one request answered by an instance, or answers it with 502, 503 or 413; its cookies get `cookiePath`, if given. */
  async handle(req: IncomingMessage, res: ServerResponse, cookiePath?: string): Promise<void> {
    const body = await readBody(req);
    if (body === undefined) return refuse(res, 413, "the body is too large for this demo");
    this.#offer({ req, res, body, refused: new Set(), ...(cookiePath === undefined ? {} : { cookiePath }) });
  }

  /** Ends the polls and the kept connections. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#agent.destroy();
  }

  #offer(exchange: Exchange): void {
    const { req, res, body, refused, cookiePath } = exchange;
    const target = this.#next(refused);
    if (target === undefined) return refuse(res, 503, "no instance takes requests now");
    this.#assigned.set(res, target);
    const to = {
      target: { host: "127.0.0.1", port: target.port, protocol: "http:" },
      buffer: Readable.from([body]),
      ...(cookiePath === undefined ? {} : { cookiePathRewrite: cookiePath }),
    };
    this.#proxy.web(req, res, to, (error) => {
      if (res.headersSent || res.writableEnded) return void res.destroy();
      if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") return refuse(res, 502, error.message);
      this.#out.add(target);
      this.#offer({ ...exchange, refused: refused.add(target) });
    });
  }

  #next(refused: ReadonlySet<Target>): Target | undefined {
    const candidates = this.available.filter((target) => !refused.has(target));
    this.#turn += 1;
    return candidates[this.#turn % candidates.length];
  }

  #poll(target: Target): void {
    let isOver = false;
    const again = (isUp: boolean): void => {
      if (isOver || this.#closed) return;
      isOver = true;
      if (isUp) this.#out.delete(target);
      else this.#out.add(target);
      this.#timers.set(
        target,
        setTimeout(() => this.#poll(target), pollEvery),
      );
    };
    const request = get({
      host: "127.0.0.1",
      port: target.port,
      path: "/healthz/ready",
      agent: false,
      timeout: pollLimit,
    });
    request.once("response", (answer) => {
      answer.resume();
      // An app without this route answers 404: it is there, and nothing more is known.
      again(answer.statusCode !== 503);
    });
    request.once("timeout", () => request.destroy(new Error("no answer in time")));
    request.once("error", () => again(false));
  }
}

/** The whole body; undefined when it is larger than anything that this demo sends. */
async function readBody(req: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > largestBody) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function refuse(res: ServerResponse, status: number, error: string): void {
  if (res.headersSent) return void res.destroy();
  res.writeHead(status, { "Content-Type": "application/json", ...(status === 503 ? { "Retry-After": "1" } : {}) });
  res.end(JSON.stringify({ error, servedBy: "balancer" }));
}
