import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** A strong entity tag for a JSON text, or for a version written as text: the same content has the same tag on every instance. */
export function etagOf(content: string): string {
  return `"${createHash("sha256").update(content).digest("base64url").slice(0, 27)}"`;
}

/**
 * Whether `If-Match` lets a change pass (RFC 9110, 13.1.1); answer 412 when not.
 *
 * True without the header. Tags are compared strongly: a weak one never matches. `etag` is undefined when there is no
 * current representation, which not even `*` matches.
 */
export function passesIfMatch(req: IncomingMessage, etag: string | undefined): boolean {
  const header = req.headers["if-match"];
  return header === undefined || names(header, etag, "strong");
}

/**
 * Whether `If-None-Match` lets a request pass (RFC 9110, 13.1.2); answer 304 to a GET, 412 to a change, when not.
 *
 * True without the header. Tags are compared weakly; `etag` is undefined when there is no current representation.
 */
export function passesIfNoneMatch(req: IncomingMessage, etag: string | undefined): boolean {
  const header = req.headers["if-none-match"];
  return header === undefined || !names(header, etag, "weak");
}

function names(header: string, etag: string | undefined, comparison: "strong" | "weak"): boolean {
  if (etag === undefined) return false;
  if (header.trim() === "*") return true;
  const own = parseTag(etag);
  // Tags are quoted and may hold commas, so the list is scanned for tags and not split.
  for (const [text] of header.matchAll(/(?:W\/)?"[^"]*"/g)) {
    const tag = parseTag(text);
    if (tag.opaque === own.opaque && (comparison === "weak" || !(tag.isWeak || own.isWeak))) return true;
  }
  return false;
}

function parseTag(tag: string): { readonly isWeak: boolean; readonly opaque: string } {
  const isWeak = tag.startsWith("W/");
  return { isWeak, opaque: isWeak ? tag.slice(2) : tag };
}
