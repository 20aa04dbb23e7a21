import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Logger } from "../core/logger.js";
import { addressOf } from "./identifier.js";
import type { SessionRequest } from "./session-request.js";

/** Told the public name of a session that ended; what it gives is waited for. */
export type EndedListener = (session: string) => Promise<void> | void;

/** Told the public names of a session before and after it got another identifier; what it gives is waited for. */
export type RotatedListener = (from: string, to: string) => Promise<void> | void;

/**
 * Tells which sessions this instance ends, and which it gives another identifier, to whoever keeps something for a session.
 *
 * A session is named by a hash of its whole identifier: nothing that a cookie could be made of, and nothing that somebody
 * who knows only a part of the identifier could name. One that expires ends without a word.
 */
export class SessionEndings {
  readonly #logger: Logger;
  readonly #ended = new Set<EndedListener>();
  readonly #rotated = new Set<RotatedListener>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Whether anybody listens. */
  get heard(): boolean {
    return this.#ended.size > 0 || this.#rotated.size > 0;
  }

  /** The name of the session that a request has; undefined when it has none. */
  of(req: IncomingMessage): string | undefined {
    const { session, sessionID } = req as SessionRequest;
    return session && typeof sessionID === "string" && sessionID !== "" ? nameOf(sessionID) : undefined;
  }

  /** Calls the listener when a session was destroyed here; the returned function ends that. */
  onEnded(listener: EndedListener): () => void {
    this.#ended.add(listener);
    return () => void this.#ended.delete(listener);
  }

  /** Calls the listener when a session was regenerated here; the returned function ends that. */
  onRotated(listener: RotatedListener): () => void {
    this.#rotated.add(listener);
    return () => void this.#rotated.delete(listener);
  }

  /** Resolves when every listener is done; never rejects, since the session has ended whatever they do. */
  async ended(id: string): Promise<void> {
    if (this.#ended.size === 0) return;
    const name = nameOf(id);
    await this.#all([...this.#ended].map((listener) => async () => listener(name)));
  }

  /** As `ended`, with the identifiers before and after. */
  async rotated(from: string, to: string): Promise<void> {
    const [before, after] = [nameOf(from), nameOf(to)];
    await this.#all([...this.#rotated].map((listener) => async () => listener(before, after)));
  }

  async #all(calls: readonly (() => Promise<void>)[]): Promise<void> {
    for (const result of await Promise.allSettled(calls.map((call) => call()))) {
      if (result.status === "rejected")
        this.#logger.error({ code: "WARN_FLEET_LISTENER", err: result.reason as unknown }, "a listener failed");
    }
  }
}

function nameOf(id: string): string {
  return hash("sha256", `express-fleet: name of the session ${addressOf(id).token}`, "base64url").slice(0, 22);
}
