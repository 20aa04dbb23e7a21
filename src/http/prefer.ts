import type { IncomingMessage } from "node:http";

/** What a client asked of the way in which it is answered (RFC 7240). */
export interface Preferences {
  /** It would rather have 202 than wait for long. */
  readonly respondAsync: boolean;
  /** How long it is willing to wait, in milliseconds; bound it before use. */
  readonly wait: number | undefined;
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads `Prefer: respond-async, wait=10`. What cannot be read counts as not said, since a preference never fails a request. */
export function preferencesOf(req: IncomingMessage): Preferences {
  const header = req.headers["prefer"];
  const preferences = parsePrefer(Array.isArray(header) ? header.join(",") : (header ?? ""));
  const wait = preferences.get("wait");
  return {
    respondAsync: preferences.has("respond-async"),
    wait: wait !== undefined && /^\d{1,9}$/.test(wait) ? Number(wait) * 1000 : undefined,
  };
}

/** All preferences by lower-case name, the first of each; one without a value has an empty one. Parameters are left out. */
export function parsePrefer(header: string): ReadonlyMap<string, string> {
  const preferences = new Map<string, string>();
  for (const element of splitUnquoted(header, ",")) {
    const [preference = ""] = splitUnquoted(element, ";");
    const [name = "", ...rest] = preference.split("=");
    const key = name.trim().toLowerCase();
    if (token.test(key) && !preferences.has(key)) preferences.set(key, unquote(rest.join("=").trim()));
  }
  return preferences;
}

/** Splits at a separator that stands outside quoted strings. */
function splitUnquoted(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (isQuoted && character === "\\") index += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === separator && !isQuoted) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"')
    ? value.slice(1, -1).replace(/\\(.)/g, "$1")
    : value;
}
