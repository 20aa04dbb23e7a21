import type { Lines } from "./lines.js";
import type { Report } from "./problems.js";

/** What a `.properties` file says, and where. */
export interface Properties {
  readonly properties: ReadonlyMap<string, string>;
  readonly lines: Lines;
}

/**
 * Reads Java's `.properties`: comments with `#` or `!`, a key ended by `=`, `:` or space, lines continued by `\`,
 * escapes. A key that is given twice has its last value, as in Java. A broken `\u` escape is
 * `ERR_FLEET_CONFIG_PROPERTIES` with its line, and the result then `undefined`.
 */
export function readProperties(text: string, file: string, report: Report): Properties | undefined {
  const properties = new Map<string, string>();
  const lines = new Map<string, number>();
  let failed = false;
  for (const { line, number } of logicalLines(text)) {
    const [, key = "", value = ""] =
      /^((?:\\[\s\S]|[^\\=: \t\f])*)[ \t\f]*(?:[=:][ \t\f]*)?([\s\S]*)$/.exec(line) ?? [];
    if (/(?:^|[^\\])(?:\\\\)*\\u(?![0-9a-fA-F]{4})/.test(line)) {
      report.problem(
        "ERR_FLEET_CONFIG_PROPERTIES",
        `${file}, line ${number}: "\\u" is not followed by four hexadecimal digits`,
        "write a backslash that is meant as \\\\",
      );
      failed = true;
      continue;
    }
    const name = unescape(key);
    properties.set(name, unescape(value));
    lines.set(name, number);
    // An object that only its parts name begins where the first of them stands.
    for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
      const whole = name.slice(0, dot);
      if (!lines.has(whole)) lines.set(whole, number);
    }
  }
  return failed ? undefined : { properties, lines };
}

/** The lines as Java joins them: what a backslash ends goes on without the next line's leading space. */
function* logicalLines(text: string): Generator<{ readonly line: string; readonly number: number }> {
  const lines = text.split(/\r\n|\r|\n/);
  for (let index = 0; index < lines.length; index++) {
    const number = index + 1;
    let line = (lines[index] ?? "").replace(/^[ \t\f]+/, "");
    if (line === "" || /^[#!]/.test(line)) continue;
    while (/(?:^|[^\\])(?:\\\\)*\\$/.test(line) && index < lines.length) {
      index++;
      line = line.slice(0, -1) + (lines[index] ?? "").replace(/^[ \t\f]+/, "");
    }
    yield { line, number };
  }
}

const controls: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" };

function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S])|$)/g, (_, hex: string | undefined, letter: string | undefined) =>
    hex === undefined ? (controls[letter ?? ""] ?? letter ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
