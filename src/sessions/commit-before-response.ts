import type { ServerResponse } from "node:http";
import type { Next } from "../http/handler.js";
import type { ExpressSessionStore } from "./express-session-store.js";
import type { SessionRequest } from "./session-request.js";

/** What decides whether a session is to be written at the end of a request, as express-session decides it. */
export interface CommitOptions {
  readonly store: ExpressSessionStore;
  readonly saveUninitialized: boolean;
  /** `unset: "destroy"`: a session that the app set to null ends. */
  readonly destroyUnset: boolean;
}

type Callback = (error?: unknown) => void;
/** `response.end`, called with a piece and its encoding. */
export type End = (chunk?: unknown, encoding?: BufferEncoding) => unknown;

/**
 * What the end of a response has to do about the session: leave it to express-session, nothing, or write first.
 */
type Ending =
  | { readonly kind: "library" | "nothing" }
  | { readonly kind: "commit"; readonly run: (done: Callback) => void };

const library: Ending = { kind: "library" };
const nothing: Ending = { kind: "nothing" };

/**
 * Lets a response wait for its session: when the app ends it in one piece, the session is saved first, and status,
 * headers, cookie and body leave together afterwards.
 *
 * Stands outside of express-session's own `end`, and passes it by (`plainEnd`) where nothing is left to save: that one
 * would make the session's text and hash twice more to find the same. Nothing is buffered: a response whose headers are
 * sent (a stream) is committed at its end by express-session. When the save fails nothing has been sent, and the error
 * goes to `next`, as if the app had not answered; `req.session` is undefined from then on.
 */
export function commitBeforeResponse(
  request: SessionRequest,
  response: ServerResponse,
  plainEnd: End,
  next: Next,
  options: CommitOptions,
): void {
  const inner = response.end.bind(response) as End;
  const initialId = request.sessionID;
  let committing = false;

  const fail = (error: unknown): void => {
    restore(response, inner);
    clearAnswer(response);
    request.session = undefined;
    // Otherwise `unset: "destroy"` would take the missing session for one that the app has ended.
    if (options.destroyUnset) request.sessionID = undefined;
    next(error);
  };

  response.end = ((...args: unknown[]): ServerResponse => {
    if (committing) return response;
    const { chunk, encoding, callback } = readArguments(args);
    let ending: Ending;
    try {
      ending = response.headersSent ? library : endingOf(request, initialId, options);
    } catch (error) {
      fail(error);
      return response;
    }
    if (callback !== undefined) response.once("finish", callback);
    if (ending.kind !== "commit") {
      (ending.kind === "nothing" ? plainEnd : inner).call(response, chunk, encoding);
      return response;
    }
    const { run } = ending;
    committing = true;
    const done = (error?: unknown): void => {
      committing = false;
      if (error !== undefined && error !== null) {
        if (callback !== undefined) response.removeListener("finish", callback);
        fail(error);
        return;
      }
      restore(response, inner);
      plainEnd.call(response, chunk, encoding);
    };
    try {
      run(done);
    } catch (error) {
      done(error);
    }
    return response;
  }) as ServerResponse["end"];
}

/** What has to be done at the end; a text that was made to decide it serves the save. */
function endingOf(request: SessionRequest, initialId: string | undefined, options: CommitOptions): Ending {
  const { store, saveUninitialized, destroyUnset } = options;
  const { session, sessionID: id } = request;
  // Another middleware's session, or an id that the app replaced: express-session's own rules go for them.
  if (request.sessionStore !== store || typeof id !== "string") return library;
  if (session === undefined || session === null) {
    if (!destroyUnset) return library;
    const run = (done: Callback): void => {
      // So that express-session does not end it once more.
      request.sessionID = undefined;
      store.destroy(id, done);
    };
    return { kind: "commit", run };
  }
  if (session.id !== id || typeof session.save !== "function") return library;
  const tracked = store.tracked(session);
  if (tracked !== undefined && tracked.state !== "live") return library;
  const { payload, changed } = store.prepare(session);
  // A session of this request is saved when something is in it, and after `regenerate` in any case.
  const isNew = tracked === undefined && (saveUninitialized || payload !== "{}" || id !== initialId);
  if (!(tracked === undefined ? isNew : changed)) return store.isDue(session) ? library : nothing;
  // Not through the session's own `save`: that one would hash it for an `end` which is passed by.
  return { kind: "commit", run: (done) => store.withPrepared(session, payload, () => store.set(id, session, done)) };
}

function readArguments(args: readonly unknown[]): {
  chunk?: unknown;
  encoding?: BufferEncoding;
  callback?: () => void;
} {
  const callback = args.find((arg) => typeof arg === "function") as (() => void) | undefined;
  const [chunk, encoding] = args.filter((arg) => typeof arg !== "function");
  return {
    ...(chunk === undefined || chunk === null ? {} : { chunk }),
    ...(typeof encoding === "string" ? { encoding: encoding as BufferEncoding } : {}),
    ...(callback === undefined ? {} : { callback }),
  };
}

function restore(response: ServerResponse, inner: End): void {
  response.end = inner as ServerResponse["end"];
}

const describesAnswer =
  /^(content-.*|transfer-encoding|etag|last-modified|location|refresh|cache-control|expires|accept-ranges|trailer)$/;

/** Takes back what the app said of an answer that is not sent, so that the error's answer does not carry it. */
function clearAnswer(response: ServerResponse): void {
  if (response.headersSent) return;
  for (const name of response.getHeaderNames()) if (describesAnswer.test(name)) response.removeHeader(name);
  response.statusCode = 200;
  response.statusMessage = undefined as unknown as string;
}
