/** A session's cookie as express-session has it: its `Cookie`, or the plain object of a hand-made session. */
export interface CookieLike {
  /** Milliseconds, null for a cookie that ends with the browser. */
  originalMaxAge?: number | null | undefined;
  maxAge?: number | null | undefined;
  expires?: unknown;
  [attribute: string]: unknown;
}

/** What of a cookie is stored: all but `expires`, which follows from the remaining time and would only grow stale. */
export type CookieAttributes = Readonly<Record<string, unknown>>;

const names = [
  "originalMaxAge",
  "httpOnly",
  "secure",
  "sameSite",
  "path",
  "domain",
  "partitioned",
  "priority",
] as const;

/** The attributes of a cookie that are stored. */
export function attributesOf(cookie: CookieLike): CookieAttributes {
  const attributes: Record<string, unknown> = {};
  for (const name of names) if (cookie[name] !== undefined) attributes[name] = cookie[name];
  return attributes;
}

/** Whether a cookie still has the stored attributes; costs no text. */
export function sameAttributes(cookie: CookieLike, stored: CookieAttributes): boolean {
  return names.every((name) =>
    name === "originalMaxAge" ? sameMaxAge(cookie[name], stored[name]) : cookie[name] === stored[name],
  );
}

/** Gives a session's cookie the stored attributes, after another request changed them. */
export function applyAttributes(cookie: CookieLike, stored: CookieAttributes): void {
  const { originalMaxAge } = stored;
  // First: the setter of `maxAge` computes `expires`, and on the way an `originalMaxAge` that may be a millisecond short.
  cookie.maxAge = typeof originalMaxAge === "number" ? originalMaxAge : null;
  Object.assign(cookie, Object.fromEntries(names.map((name) => [name, stored[name]])));
}

/** How long a cookie says that the session lives without requests, in whole milliseconds; undefined when it does not. */
export function maxAgeOf({ originalMaxAge }: CookieAttributes): number | undefined {
  if (typeof originalMaxAge !== "number" || !Number.isFinite(originalMaxAge)) return undefined;
  // One millisecond for 0 and less: what sets a cookie to end at once ends the session too.
  return Math.min(Math.max(1, Math.ceil(originalMaxAge)), longest);
}

// 1000 years: beyond that a date, and on the server an expiry, is no number any more.
const longest = 1000 * 365 * 86_400_000;

function sameMaxAge(mine: unknown, stored: unknown): boolean {
  if (typeof mine !== "number" || typeof stored !== "number") return (mine ?? null) === (stored ?? null);
  // express-session's `touch` sets `maxAge` and reads it back, each with its own look at the clock: some milliseconds
  // less than before are no change.
  return mine === stored || (mine < stored && stored - mine < Math.min(1000, stored / 100));
}
