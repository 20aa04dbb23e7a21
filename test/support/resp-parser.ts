/** An error that a server answered; its message begins with the server's code (`ERR`, `MOVED`, ...). */
export class RespError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RespError";
  }

  /** The first word of the message. */
  get code(): string {
    return this.message.split(" ", 1)[0] ?? "";
  }
}

/** A decoded value. Strings are read as UTF-8; a map is the flat list of its keys and values. */
export type RespValue = string | number | boolean | null | RespError | RespValue[];

/** One whole value of a stream, with the bytes it came in. */
export interface RespFrame {
  readonly value: RespValue;
  /** True for a message that answers no command (RESP3 push). */
  readonly push: boolean;
  readonly bytes: Buffer;
}

const incomplete: unique symbol = Symbol("incomplete");

/** Splits a stream of RESP2 or RESP3 into frames; keeps what is incomplete for the next chunk. */
export class RespParser {
  #buffer: Buffer = Buffer.alloc(0);
  #position = 0;

  /** Adds a chunk and returns the frames that it completed. Throws when the stream is not RESP. */
  push(chunk: Buffer): RespFrame[] {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    const frames: RespFrame[] = [];
    let start = 0;
    while (start < this.#buffer.length) {
      this.#position = start;
      const value = this.#value();
      if (value === incomplete) break;
      const push = this.#buffer[start] === 0x3e;
      frames.push({ value, push, bytes: this.#buffer.subarray(start, this.#position) });
      start = this.#position;
    }
    this.#buffer = this.#buffer.subarray(start);
    return frames;
  }

  #value(): RespValue | typeof incomplete {
    const line = this.#line();
    if (line === undefined) return incomplete;
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
      case "(":
        return rest;
      case "-":
        return new RespError(rest);
      case ":":
      case ",":
        return Number(rest);
      case "#":
        return rest === "t";
      case "_":
        return null;
      case "$":
      case "=":
      case "!":
        return this.#bulk(line[0], Number(rest));
      case "*":
      case "~":
      case ">":
        return this.#list(Number(rest));
      case "%":
        return this.#list(Number(rest) * 2);
      case "|": {
        const attributes = this.#list(Number(rest) * 2);
        return attributes === incomplete ? incomplete : this.#value();
      }
      default:
        throw new Error(`not RESP: a value begins with ${JSON.stringify(line.slice(0, 20))}`);
    }
  }

  #line(): string | undefined {
    const end = this.#buffer.indexOf("\r\n", this.#position);
    if (end < 0) return undefined;
    const line = this.#buffer.toString("utf8", this.#position, end);
    this.#position = end + 2;
    return line;
  }

  #bulk(kind: string, length: number): RespValue | typeof incomplete {
    if (length < 0) return null;
    const end = this.#position + length;
    if (this.#buffer.length < end + 2) return incomplete;
    const text = this.#buffer.toString("utf8", this.#position, end);
    this.#position = end + 2;
    if (kind === "!") return new RespError(text);
    return kind === "=" ? text.slice(4) : text;
  }

  #list(length: number): RespValue | typeof incomplete {
    if (length < 0) return null;
    const items: RespValue[] = [];
    while (items.length < length) {
      const item = this.#value();
      if (item === incomplete) return incomplete;
      items.push(item);
    }
    return items;
  }
}

/** A command in the form in which clients send it. */
export function encodeCommand(words: readonly (string | number)[]): Buffer {
  const parts = words.map((word) => {
    const text = String(word);
    return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  });
  return Buffer.from(`*${words.length}\r\n${parts.join("")}`);
}
