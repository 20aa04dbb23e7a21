import type { IncomingMessage } from "node:http";
import { asSet, canonicalText, secretId, type Fact } from "../core/settings-fingerprint.js";
import type { MergeOptions } from "./merge.js";
import type { MiddlewareSettings, SessionCookieOptions, SessionMiddlewareOptions } from "./middleware-options.js";
import { storedFormat } from "./record.js";
import type { SessionSettings } from "./session-options.js";

/** How long sessions live, as far as the fleet's options and their defaults say; milliseconds. */
export interface SharedLifetime {
  readonly idle: number;
  /** 0 for no limit; "default" where it follows the cookie's `maxAge`. */
  readonly absolute: number | "default";
}

/**
 * What must be the same on all instances for a user to notice nothing of being served by another one: whatever decides
 * which session a request gets, how long it lives, what is stored in it, and what the browser is told.
 *
 * Not in it is what one instance does for itself when something fails (`onStoreError`, `onGone`, `onCorrupt`), and `genid`,
 * since every instance takes every identifier.
 */
export class SharedSessionSettings {
  readonly #settings: SessionSettings;
  /** By their text at the start, so that an app which makes one for each request adds nothing. */
  readonly #uses = new Map<string, () => Fact>();

  constructor(settings: SessionSettings) {
    this.#settings = settings;
  }

  /** A store was made for the app's own express-session, whose cookie and secrets are not known here. */
  addStore({ idle, absolute }: SharedLifetime): void {
    this.#add(() => ({ use: "store", idle, absolute }));
  }

  /** A middleware was made; its secrets are read again at each look, as the array may be changed while the app runs. */
  addMiddleware(settings: MiddlewareSettings, options: SessionMiddlewareOptions, lifetime: SharedLifetime): void {
    const { name, cookie, secrets } = settings;
    const { rolling, saveUninitialized, unset, commit, proxy } = options;
    const fixed = {
      use: "middleware",
      ...lifetime,
      name,
      cookie: cookieFacts(cookie),
      rolling: rolling ?? false,
      saveUninitialized: saveUninitialized ?? false,
      unset: unset ?? "keep",
      commit: commit ?? "before-response",
      proxy,
    };
    this.#add(() => ({ ...fixed, ...secretFacts(secrets) }));
  }

  /** Whether the app has made a store or a middleware; until then what it was set to matters to nobody. */
  get inUse(): boolean {
    return this.#uses.size > 0;
  }

  /** All of it, without a secret; complete once the app has made its stores and middlewares. */
  facts(): Fact {
    const { touch, merge } = this.#settings;
    return {
      format: storedFormat,
      touch,
      merge: mergeFacts(merge),
      uses: asSet([...this.#uses.values()].map((facts) => facts())),
    };
  }

  #add(facts: () => Fact): void {
    const text = canonicalText(facts());
    if (!this.#uses.has(text)) this.#uses.set(text, facts);
  }
}

function secretFacts(secrets: readonly string[]): Readonly<Record<string, Fact>> {
  const ids = secrets.map((secret) => secretId(String(secret)));
  // Any of them verifies, so their order means nothing but for the first, which signs.
  return { signs: ids[0], verifies: asSet(ids) };
}

function mergeFacts({ default: fallback = "field", fields = {} }: MergeOptions): Fact {
  const others = Object.entries(fields).filter(([, rule]) => rule !== undefined && rule !== fallback);
  return { default: fallback, fields: Object.fromEntries(others) };
}

function cookieFacts(cookie: SessionCookieOptions | ((request: IncomingMessage) => SessionCookieOptions)): Fact {
  if (typeof cookie === "function") return "decided by a function";
  const { domain, expires, httpOnly, maxAge, partitioned, path, priority, sameSite, secure } = cookie;
  return {
    domain,
    expires: expires instanceof Date ? expires.getTime() : undefined,
    httpOnly,
    maxAge: maxAge ?? undefined,
    partitioned: partitioned ?? false,
    path,
    priority,
    sameSite: sameSite === true ? "strict" : sameSite,
    secure,
  };
}
