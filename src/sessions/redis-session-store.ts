import type { RedisBackend } from "../backend/backend.js";
import { CorruptDataError, isFleetError } from "../core/errors.js";
import { sessionKey } from "./identifier.js";
import { destroySession, putSession, touchSession, updateSession } from "./lua/scripts.generated.js";
import { encodeCookie, parseRecord } from "./record.js";
import type {
  DestroyResult,
  LoadResult,
  PutParams,
  PutResult,
  SessionStore,
  TouchResult,
  UpdateParams,
  UpdateResult,
  WriteId,
} from "./session-store.js";

const keep = "=";

/** Sessions on Redis: one key each, one trip for each method, the server's time decides. */
export class RedisSessionStore implements SessionStore {
  readonly #backend: RedisBackend;

  constructor(backend: RedisBackend) {
    this.#backend = backend;
  }

  async load({ selector }: { readonly selector: string }): Promise<LoadResult> {
    let replies: readonly (string | number | null)[];
    try {
      replies = await this.#backend.read(sessionKey(this.#backend.keys, selector), [["get"], ["pttl"]]);
    } catch (error) {
      // Somebody else's list or hash under our key is as unreadable as a damaged text.
      if (isFleetError(error) && error.cause instanceof Error && error.cause.message.startsWith("WRONGTYPE"))
        return { status: "corrupt" };
      throw error;
    }
    const [text, remaining] = replies;
    // -2: it expired between the two commands.
    if (typeof text !== "string" || remaining === -2) return { status: "missing" };
    const record = parseRecord(text);
    if (record === undefined) return { status: "corrupt" };
    if (record === "tombstone") return { status: "missing" };
    return { status: "found", record, remaining: Math.max(0, Number(remaining)) };
  }

  async put(params: PutParams): Promise<PutResult> {
    const { selector, token, idle, absolute, cookie, payload, write } = params;
    const args = {
      token,
      idle,
      absolute,
      cookie: encodeCookie(cookie),
      payload,
      process: write.processId,
      sequence: write.sequence,
    };
    const reply = await this.#backend.run(putSession, { keys: this.#keys(selector), args });
    if (reply[0] === "OK") return { status: "done", version: reply[1], created: reply[2] };
    return { status: reply[0] === "GONE" ? "gone" : "superseded" };
  }

  async update(params: UpdateParams): Promise<UpdateResult> {
    const { selector, token, created, baseVersion, idle, write } = params;
    const cookie = params.cookie === undefined ? keep : encodeCookie(params.cookie);
    const payload = params.payload ?? keep;
    const args = {
      token,
      created,
      base: baseVersion,
      idle,
      cookie,
      payload,
      process: write.processId,
      sequence: write.sequence,
    };
    const reply = await this.#backend.run(updateSession, { keys: this.#keys(selector), args });
    switch (reply[0]) {
      case "OK":
        return { status: "done", version: reply[1] };
      case "CONFLICT":
        return { status: "conflict", record: readConflict(reply[1], selector) };
      case "GONE":
        return { status: "gone" };
      case "SUPERSEDED":
        return { status: "superseded" };
    }
  }

  async touch({ selector, token }: { readonly selector: string; readonly token: string }): Promise<TouchResult> {
    const reply = await this.#backend.run(touchSession, { keys: this.#keys(selector), args: { token } });
    return reply[0] === "OK" ? { status: "done", remaining: reply[1] } : { status: "gone" };
  }

  async destroy(params: {
    readonly selector: string;
    readonly token: string;
    readonly write: WriteId;
  }): Promise<DestroyResult> {
    const { selector, token, write } = params;
    const args = { token, process: write.processId, sequence: write.sequence };
    const reply = await this.#backend.run(destroySession, { keys: this.#keys(selector), args });
    return { status: reply[0] === "OK" ? "done" : "gone" };
  }

  #keys(selector: string): { readonly session: string } {
    return { session: sessionKey(this.#backend.keys, selector) };
  }
}

function readConflict(text: string, selector: string): Extract<UpdateResult, { status: "conflict" }>["record"] {
  const record = parseRecord(text);
  if (record !== undefined && record !== "tombstone") return record;
  throw new CorruptDataError(`session ${selector} holds a text that cannot be read`);
}
