import type { IncomingMessage, ServerResponse } from "node:http";
import type { Handler, RequestHandler } from "../http/handler.js";
import { sendProblem } from "../http/problem.js";
import { LockBusyError } from "./errors.js";
import type { Lock } from "./held-lock.js";
import type { AcquireOptions } from "./lock-options.js";

/** How a request gets its lock. */
export interface WithLockOptions extends Omit<AcquireOptions, "signal"> {
  /** The lock of a request, which a function is given as your framework has it. */
  readonly name: string | ((req: any) => string | Promise<string>);
  /** What is answered when it is not to be had. Default 423. */
  readonly status?: 409 | 423 | 429 | 503 | undefined;
  /** Keeps the lock until the handler gives it back, also when the client has gone. Default false. */
  readonly detach?: boolean | undefined;
}

const statuses: readonly number[] = [409, 423, 429, 503];

/** A request that holds a lock. */
export interface LockedRequest extends IncomingMessage {
  lock?: Lock;
}

/** The lock that `withLock` took for a request; throws `TypeError` for a request that has none. */
export function lockOf(req: LockedRequest): Lock {
  if (req.lock === undefined)
    throw new TypeError("the request has no lock: put `fleet.locks.withLock()` before the handler");
  return req.lock;
}

/** What the middleware asks of the locks. */
interface Acquirer {
  acquire(name: string, options: AcquireOptions): Promise<Lock>;
}

/**
 * Holds a lock from here until the response has been sent, or its client has gone.
 *
 * Whoever has to wait longer than `wait` is answered as a problem that names the holder; when the backend does not answer
 * the error goes to `next`: nothing runs without its lock.
 */
export function createLockMiddleware(locks: Acquirer, options: WithLockOptions): RequestHandler {
  const { name, status = 423, detach = false, ...wanted } = options;
  if (typeof name !== "function" && (typeof name !== "string" || name === ""))
    throw new TypeError("`name` is the lock of a request: a text that is not empty, or a function of the request");
  if (!statuses.includes(status)) throw new TypeError(`\`status\` is one of ${statuses.join(", ")}`);
  const handle: Handler = async (req: LockedRequest, res, next) => {
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    res.once("close", leave);
    // It may have gone while others looked at the request.
    if (isOver(res)) leave();
    try {
      const lock = await locks.acquire(typeof name === "string" ? name : await name(req), {
        ...wanted,
        signal: gone.signal,
      });
      // Nobody would give it back, and nobody is there any more to be answered.
      if (gone.signal.aborted) return void lock.release();
      req.lock = lock;
      if (!detach) releaseWith(res, lock);
    } catch (error) {
      if (gone.signal.aborted) return;
      if (error instanceof LockBusyError) return refuse(res, status, error);
      return next(error);
    } finally {
      res.off("close", leave);
    }
    next();
  };
  return (req, res, next) => void handle(req, res, next ?? ((): void => undefined));
}

function releaseWith(res: ServerResponse, lock: Lock): void {
  const release = (): void => void lock.release();
  res.once("finish", release);
  res.once("close", release);
}

function isOver(res: ServerResponse): boolean {
  return res.closed || res.writableFinished;
}

function refuse(res: ServerResponse, status: number, error: LockBusyError): void {
  const { message, code, holder, retryAfter = 1_000 } = error;
  const shown = holder && {
    owner: holder.owner,
    reason: holder.reason,
    instance: holder.instance,
    since: new Date(holder.since).toISOString(),
    until: new Date(holder.until).toISOString(),
  };
  sendProblem(res, {
    status,
    code,
    detail: message,
    retryAfter,
    ...(shown === undefined ? {} : { members: { holder: shown } }),
  });
}
