import { createHmac, timingSafeEqual } from "node:crypto";

const tab = 0x09;
const space = 0x20;
const quote = 0x22;

/**
 * The value of the first cookie of that name in a `Cookie` header, as the `cookie` package reads it: without blanks and
 * quotes around it, percent-decoded, or as it stands when that fails. Undefined when there is none.
 */
export function cookieValue(header: string, name: string): string | undefined {
  let from = 0;
  for (;;) {
    const equals = header.indexOf("=", from);
    if (equals === -1) return undefined;
    let end = header.indexOf(";", from);
    if (end === -1) end = header.length;
    if (equals > end) {
      // Pairs without "=": on with the one that has it.
      from = header.lastIndexOf(";", equals) + 1;
      continue;
    }
    const nameAt = skipBlanks(header, from, equals);
    if (trimBlanks(header, equals, nameAt) - nameAt === name.length && header.startsWith(name, nameAt)) {
      return decodedValue(header, equals + 1, end);
    }
    from = end + 1;
  }
}

/** The value with its HMAC-SHA256 behind a dot, in the form of `cookie-signature`. Throws `TypeError` without a secret. */
export function sign(value: string, secret: string | undefined): string {
  if (typeof secret !== "string" || secret === "")
    throw new TypeError("there is no secret to sign the session cookie with");
  return `${value}.${signatureOf(value, secret)}`;
}

/** The value of a signed text, if one of the secrets has signed it; compares in constant time. */
export function unsign(signed: string, secrets: readonly string[]): string | undefined {
  const dot = signed.lastIndexOf(".");
  if (dot === -1) return undefined;
  const value = signed.slice(0, dot);
  const given = Buffer.from(signed.slice(dot + 1));
  for (const secret of secrets) {
    const expected = Buffer.from(signatureOf(value, secret));
    if (given.length === expected.length && timingSafeEqual(given, expected)) return value;
  }
  return undefined;
}

function signatureOf(value: string, secret: string): string {
  // Without the one "=" that fills up the 32 bytes.
  return createHmac("sha256", secret).update(value).digest("base64").slice(0, 43);
}

function decodedValue(header: string, from: number, to: number): string {
  let start = skipBlanks(header, from, to);
  let end = trimBlanks(header, to, start);
  if (header.charCodeAt(start) === quote && header.charCodeAt(end - 1) === quote) {
    start += 1;
    end -= 1;
  }
  const value = header.slice(start, end);
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function skipBlanks(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

function trimBlanks(text: string, from: number, downTo: number): number {
  let end = from;
  while (end > downTo && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return end;
}

function isBlank(code: number): boolean {
  return code === space || code === tab;
}
