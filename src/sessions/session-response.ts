import type { ServerResponse } from "node:http";
import type { Next } from "../http/handler.js";
import { sameAttributes } from "./cookie-attributes.js";
import type { ExpressSessionStore, StoreCallback } from "./express-session-store.js";
import { clearAnswer, moveHeaders } from "./response-headers.js";
import { writeSessionCookie } from "./session-cookie.js";
import { isSecure, type SessionObject, type SessionRequest } from "./session-request.js";
import { payloadOf } from "./tracked-session.js";

/** What decides whether a session is saved at the end of a request, and whether its cookie is sent. */
export interface ResponseOptions {
  readonly store: ExpressSessionStore;
  readonly name: string;
  /** The first one signs; the array may be changed while the app runs. */
  readonly secrets: readonly string[];
  readonly proxy: boolean | undefined;
  readonly rolling: boolean;
  readonly saveUninitialized: boolean;
  /** `unset: "destroy"`: a session that the app set to null ends. */
  readonly destroyUnset: boolean;
  /** Whether what the app ends in one piece waits for the save, headers included. */
  readonly beforeResponse: boolean;
}

/** How the session was when the request got it. */
export interface Beginning {
  /** The identifier that the browser sent. */
  readonly cookieId: string | undefined;
  readonly id: string | undefined;
  /** The JSON text of the session's fields. */
  readonly payload: string;
}

type End = (chunk?: unknown, encoding?: unknown, callback?: unknown) => unknown;
type Write = (chunk: unknown, encoding?: BufferEncoding) => unknown;
type WriteHead = (...args: unknown[]) => ServerResponse;

/**
 * Stands before the `writeHead` and the `end` of one response, where the session's cookie is sent and its changes saved.
 *
 * What the app ends in one piece waits for the save: status, headers, cookie and body leave together afterwards. Nothing
 * is buffered: a response whose headers are sent (a stream) is written out, and only its end waits. When the save fails and
 * nothing has been sent, the error goes to `next` as if the app had not answered, and `req.session` is undefined.
 */
export class SessionResponse {
  readonly #request: SessionRequest;
  readonly #response: ServerResponse;
  readonly #next: Next;
  readonly #options: ResponseOptions;
  readonly #beginning: Beginning;
  readonly #plainEnd: End;
  readonly #plainWrite: Write;
  /** The session's text as it was at the end, so that the headers which leave then need not make it again. */
  #payload: string | undefined;
  #headed = false;
  #ended = false;
  #reported = false;

  constructor(
    request: SessionRequest,
    response: ServerResponse,
    next: Next,
    options: ResponseOptions,
    beginning: Beginning,
  ) {
    this.#request = request;
    this.#response = response;
    this.#next = next;
    this.#options = options;
    this.#beginning = beginning;
    this.#plainEnd = response.end as End;
    // Taken now: what comes after us and changes what the app writes (compression) would do it twice.
    this.#plainWrite = response.write as Write;
    const writeHead = response.writeHead as WriteHead;
    response.writeHead = ((...args: unknown[]) => writeHead.apply(response, this.#head(args))) as never;
    response.end = ((...args: [unknown, unknown, unknown]) => this.#end(args)) as never;
  }

  /** Sends the cookie along if that is to be; returns what is left of the arguments of `writeHead`. */
  #head(args: unknown[]): unknown[] {
    if (this.#headed) return args;
    this.#headed = true;
    const rest = args.length > 1 ? moveHeaders(this.#response, args) : args;
    try {
      const { session, sessionID: id, sessionStore } = this.#request;
      // An identifier that the app replaced by something else, or another middleware's session.
      if (!session || typeof id !== "string" || sessionStore !== this.#options.store) return rest;
      if (isSession(session) && this.#sendsCookie(session, id)) this.#addCookie(session, id);
    } catch (error) {
      this.#report(error);
    }
    return rest;
  }

  #sendsCookie(session: SessionObject, id: string): boolean {
    const { store, proxy, rolling, saveUninitialized } = this.#options;
    const { cookie } = session;
    const tracked = store.tracked(session);
    // It stands in for one that could not be read, whose cookie the browser is to keep.
    if (tracked?.state === "degraded") return false;
    const wanted =
      id === this.#beginning.cookieId
        ? rolling ||
          (tracked?.loadedAttributes !== undefined && !sameAttributes(cookie, tracked.loadedAttributes)) ||
          (isGiven(cookie.expires) && this.#isModified(session))
        : saveUninitialized || this.#isModified(session);
    return wanted && (!cookie["secure"] || isSecure(this.#request, proxy));
  }

  #addCookie(session: SessionObject, id: string): void {
    const { name, secrets } = this.#options;
    session.touch();
    const cookie = writeSessionCookie(name, id, session.cookie, secrets[0]);
    const before = this.#response.getHeader("Set-Cookie");
    const others = before === undefined ? [] : Array.isArray(before) ? before : [String(before)];
    this.#response.setHeader("Set-Cookie", [...others, cookie]);
  }

  #isModified(session: SessionObject): boolean {
    return session.id !== this.#beginning.id || (this.#payload ?? payloadOf(session)) !== this.#beginning.payload;
  }

  #end(args: [chunk: unknown, encoding: unknown, callback: unknown]): ServerResponse {
    const response = this.#response;
    if (this.#ended) return response;
    const waits = this.#options.beforeResponse && !response.headersSent;
    let run: ((done: StoreCallback) => void) | undefined;
    try {
      run = this.#work();
    } catch (error) {
      run = (done) => done(error);
    }
    if (run !== undefined && !waits) {
      this.#endAfter(run, args);
      return response;
    }
    if (run === undefined) {
      this.#plainEnd.apply(response, args);
      // Only now: where that throws, for a status that there is none, the app has yet to answer.
      this.#ended = true;
      return response;
    }
    this.#ended = true;
    run((error) => {
      if (isGiven(error)) this.#fail(error);
      else this.#endSaved(args);
    });
    return response;
  }

  /** Nobody is there any more to catch what `end` throws. */
  #endSaved(args: [chunk: unknown, encoding: unknown, callback: unknown]): void {
    try {
      this.#plainEnd.apply(this.#response, args);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What is to be done about the session at the end, undefined for nothing. */
  #work(): ((done: StoreCallback) => void) | undefined {
    const { session, sessionID: id, sessionStore } = this.#request;
    const { store, saveUninitialized, destroyUnset } = this.#options;
    if (sessionStore !== store || typeof id !== "string" || id === "") return undefined;
    if (session === undefined || session === null) {
      return destroyUnset ? (done) => store.destroy(id, done) : undefined;
    }
    if (!isSession(session)) {
      throw new TypeError("req.session was replaced by something that is no session: set its fields instead, or null");
    }
    const tracked = store.tracked(session);
    // The save that found that it has ended has said so.
    if (tracked?.state === "gone") return undefined;
    const payload = payloadOf(session);
    this.#payload = payload;
    const saves =
      tracked === undefined ? saveUninitialized || this.#isModified(session) : store.changes(tracked, session, payload);
    if (saves) return (done) => store.save(session.id, session, payload, done);
    if (tracked !== undefined) store.extend(tracked);
    return undefined;
  }

  /** Sends the headers and what the app ends with, but not the end: that waits, and with it whoever reads the response. */
  #endAfter(run: (done: StoreCallback) => void, args: [chunk: unknown, encoding: unknown, callback: unknown]): void {
    const response = this.#response;
    const callback = args.find((arg) => typeof arg === "function");
    if (!response.headersSent) response.writeHead(response.statusCode);
    const rest = typeof args[0] === "function" ? undefined : this.#writeAlmostAll(args[0], args[1]);
    this.#ended = true;
    run((error) => {
      if (isGiven(error)) this.#report(error);
      this.#plainEnd.call(response, rest, undefined, callback);
    });
  }

  /** Keeps the last byte of a response whose length is told, since to its reader that is the end. */
  #writeAlmostAll(chunk: unknown, encoding: unknown): Buffer | undefined {
    const response = this.#response;
    if (!isGiven(chunk)) return undefined;
    const given = typeof encoding === "string" ? (encoding as BufferEncoding) : undefined;
    if (!(Number(response.getHeader("Content-Length")) > 0)) {
      this.#plainWrite.call(response, chunk, given);
      return undefined;
    }
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, given) : Buffer.from(chunk as Uint8Array);
    if (bytes.length > 1) this.#plainWrite.call(response, bytes.subarray(0, -1));
    return bytes.subarray(-1);
  }

  /** Nothing has been sent: the error becomes the answer. */
  #fail(error: unknown): void {
    this.#response.end = this.#plainEnd as never;
    clearAnswer(this.#response);
    this.#request.session = undefined;
    this.#next(error);
  }

  /** Too late to change the answer. */
  #report(error: unknown): void {
    if (this.#reported) return;
    this.#reported = true;
    setImmediate(this.#next, error);
  }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Whether the app left a session in its place; any object with its methods is one. */
function isSession(session: SessionObject): boolean {
  const { id, cookie, touch } = session as Partial<SessionObject>;
  return typeof id === "string" && typeof cookie === "object" && cookie !== null && typeof touch === "function";
}
