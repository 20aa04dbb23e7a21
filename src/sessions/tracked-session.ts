import { isDeepStrictEqual } from "node:util";
import {
  applyAttributes,
  attributesOf,
  maxAgeOf,
  sameAttributes,
  type CookieAttributes,
  type CookieLike,
} from "./cookie-attributes.js";
import type { SessionAddress } from "./identifier.js";
import type { Merge, SessionFields } from "./merge.js";
import { parseObject } from "./record.js";
import type { SaveContent, Snapshot } from "./save-coordinator.js";

/** A session as express-session and its users see it. */
export interface SessionLike {
  cookie: CookieLike;
  [field: string]: unknown;
}

/**
 * What this process knows of one session object: the base of its next save, and until when it lives.
 *
 * Held beside the object, never on it, so that users' data stays theirs.
 */
export class TrackedSession {
  readonly id: string;
  readonly address: SessionAddress;
  /** `gone`: ended meanwhile, saves are dropped. `degraded`: it could not be loaded, and stands in for the real one. */
  state: "live" | "gone" | "degraded" = "live";
  #snapshot: Snapshot;
  #attributes: CookieAttributes;
  #loadedAttributes: CookieAttributes | undefined;
  #remaining: number;
  #knownAt: number;

  /**
   * @param attributes the snapshot's cookie
   * @param remaining milliseconds to live, as the backend told at `knownAt` on the monotonic clock
   */
  constructor(
    id: string,
    address: SessionAddress,
    snapshot: Snapshot,
    attributes: CookieAttributes,
    remaining: number,
    knownAt: number,
  ) {
    this.id = id;
    this.address = address;
    this.#snapshot = snapshot;
    this.#attributes = attributes;
    this.#remaining = remaining;
    this.#knownAt = knownAt;
  }

  /** A session object was made of what was loaded; express-session has given its cookie the defaults that it lacked. */
  begin(cookie: CookieLike): void {
    this.#attributes = attributesOf(cookie);
    this.#loadedAttributes = this.#attributes;
  }

  /** The cookie as the request found it; undefined for a session that the request created. */
  get loadedAttributes(): CookieAttributes | undefined {
    return this.#loadedAttributes;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Milliseconds to live, by the backend's word and what has passed since. */
  remaining(now: number): number {
    return this.#remaining - (now - this.#knownAt);
  }

  /** Whether so much of the idle time has passed that the session is to be extended. */
  isDue(fraction: number, now: number): boolean {
    const { idle } = this.#snapshot;
    return idle - this.remaining(now) >= idle * fraction;
  }

  extended(remaining: number, now: number): void {
    this.#remaining = remaining;
    this.#knownAt = now;
  }

  changedCookie(cookie: CookieLike): boolean {
    return !sameAttributes(cookie, this.#attributes);
  }

  /** What a save of the session as it is now would store. */
  content(payload: string, cookie: CookieLike, defaultIdle: number): SaveContent {
    if (sameAttributes(cookie, this.#attributes)) {
      return { payload, cookie: this.#snapshot.cookie, idle: maxAgeOf(this.#attributes) ?? defaultIdle };
    }
    return contentOf(payload, cookie, defaultIdle);
  }

  /** Moves the base on after a save. */
  saved(snapshot: Snapshot, now: number): void {
    if (snapshot.cookie !== this.#snapshot.cookie) this.#attributes = parseObject(snapshot.cookie) ?? {};
    this.#snapshot = snapshot;
    this.extended(snapshot.idle, now);
  }

  /** Gives the session object what others wrote; `sent` is the payload that was merged with theirs. */
  adopt(session: SessionLike, sent: string, merge: Merge): void {
    const merged = parseObject(this.#snapshot.payload) ?? {};
    const live = payloadOf(session);
    const current = parseObject(live) ?? {};
    let target: SessionFields = merged;
    if (live !== sent) {
      // The request went on while the save was under way: its later changes are merged once more.
      const again = merge(parseObject(sent) ?? {}, current, merged);
      target = again.status === "merged" ? again.fields : current;
    }
    for (const name of new Set([...Object.keys(current), ...Object.keys(target)])) {
      if (isDeepStrictEqual(current[name], target[name])) continue;
      if (Object.hasOwn(target, name)) session[name] = target[name];
      else delete session[name];
    }
    if (!sameAttributes(session.cookie, this.#attributes)) applyAttributes(session.cookie, this.#attributes);
    // In the order of the object's own fields, so that an unchanged object gives this very text.
    this.#snapshot = { ...this.#snapshot, payload: JSON.stringify(inOrderOf(session, merged)) };
  }
}

/** The text of a session's own fields, without the cookie. Throws what `JSON.stringify` throws, for a cycle or a BigInt. */
export function payloadOf(session: SessionLike): string {
  const { cookie: _, ...fields } = session;
  return JSON.stringify(fields);
}

/** What a session that is not tracked stores. */
export function contentOf(payload: string, cookie: CookieLike, defaultIdle: number): SaveContent {
  const attributes = attributesOf(cookie);
  return { payload, cookie: JSON.stringify(attributes), idle: maxAgeOf(attributes) ?? defaultIdle };
}

function inOrderOf(session: SessionLike, fields: SessionFields): SessionFields {
  const ordered = Object.keys(session).filter((name) => Object.hasOwn(fields, name));
  return Object.fromEntries([...new Set([...ordered, ...Object.keys(fields)])].map((name) => [name, fields[name]]));
}
