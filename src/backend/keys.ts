import { createHash } from "node:crypto";

// Besides what a glob, a hash tag or a terminal would misread: `~`, which marks a shortened name, and halves of surrogate
// pairs, which all have the same bytes in UTF-8.
const unsafe = /[%{}*?[\]\\^"~\s\u0000-\u001f\u007f]|\p{Surrogate}/gu;
const plain = /^[A-Za-z0-9._-]{1,256}$/;
const maximumBytes = 256;
const keptBytes = 64;

/**
 * Makes every key and channel of a fleet: `<namespace>:<room>:{<tag>}:<what>[:<part>]`.
 *
 * All keys of one tag share a slot. Tags and parts are percent-encoded where a glob, a hash tag or a terminal
 * would misread them; an empty one is refused, one over 256 bytes becomes its first 64 bytes, `~` and its SHA-256.
 */
export class KeySpace {
  readonly namespace: string;

  constructor(namespace: string) {
    if (!/^[A-Za-z0-9._/-]{1,64}$/.test(namespace)) {
      throw new TypeError(`the namespace ${JSON.stringify(namespace)} must be 1 to 64 of A-Z a-z 0-9 . _ / -`);
    }
    this.namespace = namespace;
  }

  /** The key of one thing in a room. */
  key(room: string, tag: string, what: string, part?: string): string {
    const base = `${this.namespace}:${room}:{${encodeKeyPart(tag)}}:${what}`;
    return part === undefined ? base : `${base}:${encodeKeyPart(part)}`;
  }

  /** The channel on which a room's hints go to every instance. */
  hintChannel(room: string): string {
    return `${this.namespace}:hint:${room}`;
  }

  /** The channel that only one instance listens to. */
  mailChannel(instanceId: string): string {
    return `${this.mailPrefix}${encodeKeyPart(instanceId)}`;
  }

  /** What the mail channels of all instances begin with, for scripts that write to whoever they find stored. */
  get mailPrefix(): string {
    return `${this.namespace}:mail:`;
  }

  /** What an ACL user of the fleet must be allowed to touch. */
  get aclPatterns(): readonly string[] {
    return [`~${this.namespace}:*`, `&${this.namespace}:*`];
  }
}

/** One tag or part as it stands in a key. */
export function encodeKeyPart(text: string): string {
  if (plain.test(text)) return text;
  if (text === "") throw new TypeError("a key cannot be made from an empty name");
  const encoded = text.replace(unsafe, percentEncode);
  const bytes = Buffer.from(encoded);
  if (bytes.length <= maximumBytes) return encoded;
  // The cut falls on a whole character.
  const kept = bytes
    .subarray(0, keptBytes)
    .toString("utf8")
    .replace(/\uFFFD+$/u, "")
    .replace(/%[0-9A-F]?$/, "");
  return `${kept}~${createHash("sha256").update(encoded).digest("hex")}`;
}

function percentEncode(character: string): string {
  const bytes = /\p{Surrogate}/u.test(character) ? Buffer.from(character, "utf16le").reverse() : Buffer.from(character);
  return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
