import { STATUS_CODES, type ServerResponse } from "node:http";
import { sendJson } from "./json.js";

/** What went wrong, for the client (RFC 9457, with `type` left at `about:blank`). */
export interface Problem {
  readonly status: number;
  /** Stable, `ERR_FLEET_*`: what a program compares. */
  readonly code?: string;
  /** Default the words of the status. */
  readonly title?: string;
  /** What is particular to this occurrence, for people. */
  readonly detail?: string;
  /** Milliseconds after which a repeat is worth trying; sent as whole seconds in `Retry-After`. */
  readonly retryAfter?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What else a program may read (RFC 9457 calls them extension members); none has the name of a field of ours. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Headers that describe the answer which a handler had begun, and are wrong for a problem. */
const describesOtherBody = ["Content-Encoding", "Content-Language", "Content-Range", "ETag", "Last-Modified"];

/** Answers with `application/problem+json` that nobody may store; a response that had begun is cut off. */
export function sendProblem(res: ServerResponse, problem: Problem): void {
  const { status, code, detail, retryAfter } = problem;
  if (!res.headersSent) for (const name of describesOtherBody) res.removeHeader(name);
  const title = problem.title ?? STATUS_CODES[status] ?? "Error";
  const wait = retryAfter === undefined ? {} : { "Retry-After": String(Math.max(1, Math.ceil(retryAfter / 1000))) };
  const headers = { ...wait, ...problem.headers };
  sendJson(
    res,
    status,
    { ...problem.members, title, status, detail, code },
    { contentType: "application/problem+json", headers },
  );
}

interface ErrorShape {
  readonly status?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly retryAfter?: unknown;
  readonly headers?: unknown;
  readonly expose?: unknown;
}

/**
 * What a client may know of an error.
 *
 * Errors of this library keep status, code, headers and `retryAfter`; their message is told when the client can mend it
 * (4xx), not when it speaks of our servers (5xx). Of other errors only the status is told, and that only for a 4xx that
 * says it may be exposed (as body parsers do) or for a path that cannot be decoded; everything else is a plain 500.
 */
export function problemOf(error: unknown): Problem {
  const shape = (typeof error === "object" && error !== null ? error : {}) as ErrorShape;
  const status = statusOf(shape.status);
  if (typeof shape.code === "string" && shape.code.startsWith("ERR_FLEET_")) {
    return {
      status: status ?? 500,
      code: shape.code,
      ...(status !== undefined && status < 500 && typeof shape.message === "string" ? { detail: shape.message } : {}),
      ...(typeof shape.retryAfter === "number" ? { retryAfter: shape.retryAfter } : {}),
      headers: textHeaders(shape.headers),
    };
  }
  const isExposed = shape.expose === true || error instanceof URIError;
  return { status: isExposed && status !== undefined && status < 500 ? status : 500 };
}

function statusOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 400 && value <= 599 ? value : undefined;
}

function textHeaders(headers: unknown): Record<string, string> {
  if (typeof headers !== "object" || headers === null) return {};
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
