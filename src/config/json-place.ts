/** Where a text stops being JSON, and what should have stood there. */
export interface JsonFault {
  readonly offset: number;
  readonly expected: string;
}

const deepest = 200;

/**
 * Finds the first place at which a text is not JSON; `undefined` when it is JSON.
 *
 * `JSON.parse` does not do: its messages differ between versions of Node, often without a position, and repeat pieces
 * of the text, which may be a password.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  return new Scanner(text).scan();
}

class Scanner {
  readonly #text: string;
  #at = 0;
  #fault: JsonFault | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): JsonFault | undefined {
    if (!this.#value(0)) return this.#fault;
    this.#space();
    if (this.#at < this.#text.length) this.#fail("nothing more");
    return this.#fault;
  }

  #value(depth: number): boolean {
    if (depth > deepest) return this.#fail(`at most ${deepest} levels`);
    this.#space();
    const start = this.#text[this.#at];
    if (start === "{") return this.#list("}", () => this.#member(depth));
    if (start === "[") return this.#list("]", () => this.#value(depth + 1));
    if (start === '"') return this.#string();
    return this.#literal();
  }

  #list(end: string, item: () => boolean): boolean {
    this.#at++;
    this.#space();
    if (this.#take(end)) return true;
    for (;;) {
      if (!item()) return false;
      this.#space();
      if (this.#take(end)) return true;
      if (!this.#take(",")) return this.#fail(`"," or "${end}"`);
    }
  }

  #member(depth: number): boolean {
    this.#space();
    if (this.#text[this.#at] !== '"') return this.#fail("a property name in double quotes");
    const name = this.#at;
    if (!this.#string()) return false;
    const end = this.#at;
    this.#space();
    if (!this.#take(":")) {
      // "name: "value": the name ran on to the quote that begins the value.
      const colon = /:\s*"$/.exec(this.#text.slice(name, end));
      return colon === null || colon.index < 2
        ? this.#fail('":"')
        : this.#fail('a double quote before ":"', name + colon.index);
    }
    return this.#value(depth + 1);
  }

  #string(): boolean {
    const opened = this.#at++;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) return this.#fail("a closing double quote for the text that begins here", opened);
      if (character < " ") return this.#fail("no line break or control character inside a text");
      this.#at++;
      if (character === '"') return true;
      if (character === "\\" && !this.#escape()) return false;
    }
  }

  #escape(): boolean {
    if (!this.#match(/["\\/bfnrt]|u[0-9a-fA-F]{4}/y))
      return this.#fail('one of " \\ / b f n r t, or u and four hexadecimal digits, after "\\"');
    return true;
  }

  #literal(): boolean {
    if (this.#match(/(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y)) return true;
    return this.#fail("a value: a text in double quotes, a number, true, false, null, { or [");
  }

  #space(): void {
    this.#match(/[ \t\n\r]*/y);
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #fail(expected: string, offset = this.#at): false {
    this.#fault = { offset, expected };
    return false;
  }
}
