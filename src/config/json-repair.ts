import { isAddressList, isKnownKey, isPublicValue, mask } from "./json-reveal.js";

/** What a broken text was probably meant to be. */
export interface Repair {
  /** As JSON, with `***` in place of everything that may be secret. */
  readonly json: string;
  /** The text ended before its brackets were closed. */
  readonly truncated: boolean;
}

/**
 * Guesses the JSON that a text was before its quotes were eaten, a comma forgotten or its end cut off; `undefined` when
 * it is too broken to guess. The result is for printing only and never used as configuration.
 */
export function repairJson(text: string): Repair | undefined {
  const reader = new TolerantReader(text);
  const json = reader.read();
  return json === undefined ? undefined : { json, truncated: reader.truncated };
}

const deepest = 20;

class TolerantReader {
  readonly #text: string;
  readonly #addresses: boolean;
  #at = 0;
  truncated = false;

  constructor(text: string) {
    this.#text = text;
    this.#addresses = isAddressList(text);
  }

  read(): string | undefined {
    const json = this.#value(undefined, 0);
    this.#match(/[\s,]*/y);
    return this.#at === this.#text.length ? json : undefined;
  }

  #value(key: string | undefined, depth: number): string | undefined {
    if (depth > deepest) return undefined;
    this.#match(/\s*/y);
    if (this.#match(/\{/y) !== undefined) return this.#list("{", "}", () => this.#member(depth));
    if (this.#match(/\[/y) !== undefined) return this.#list("[", "]", () => this.#value(undefined, depth + 1));
    const quoted = this.#quoted();
    if (quoted !== undefined) return this.#printable(key, quoted, true);
    const word = this.#match(key === undefined ? /[^\s{}[\],"']+/y : /[^\s{}[\],"':]+(?::[^\s{}[\],"':]+)*/y);
    return word === undefined ? undefined : this.#printable(key, word, false);
  }

  #member(depth: number): string | undefined {
    const key = this.#quoted() ?? this.#match(/[^\s{}[\],"':]+/y);
    if (key === undefined || this.#match(/\s*:/y) === undefined) return undefined;
    const value = this.#value(key, depth + 1);
    return value === undefined ? undefined : `${JSON.stringify(isKnownKey(key) ? key : mask)}:${value}`;
  }

  #list(open: string, close: string, item: () => string | undefined): string | undefined {
    const items: string[] = [];
    for (;;) {
      this.#match(/[\s,]*/y);
      if (this.#at >= this.#text.length) {
        this.truncated = true;
        return `${open}${items.join(",")}${close}`;
      }
      if (this.#text[this.#at] === close) {
        this.#at++;
        return `${open}${items.join(",")}${close}`;
      }
      const read = item();
      if (read === undefined) return undefined;
      items.push(read);
    }
  }

  #quoted(): string | undefined {
    return (this.#match(/"(?:[^"\\]|\\.)*"/y) ?? this.#match(/'(?:[^'\\]|\\.)*'/y))?.slice(1, -1);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #printable(key: string | undefined, value: string, quoted: boolean): string {
    if (!isPublicValue(key, value) && !this.#addresses) return JSON.stringify(mask);
    const literal = !quoted && /^(?:true|false|null|0|[1-9]\d{0,15})$/.test(value);
    return literal ? value : JSON.stringify(value);
  }
}
