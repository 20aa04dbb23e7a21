import { findJsonFault } from "./json-place.js";

/** One mistake that was mended. */
export interface Mended {
  /** From 0, in the text that was given. */
  readonly line: number;
  readonly column: number;
  readonly expected: string;
}

/** A text that was made JSON. */
export interface Mending {
  readonly text: string;
  readonly faults: readonly Mended[];
  /** Braces were put around it, as the first and the last line. */
  readonly wrapped: boolean;
}

const most = 50;

/** Whether a text is a piece of an object, `"name": value`, as documentation prints it. */
export function isFragment(text: string): boolean {
  return /^\s*"(?:[^"\\]|\\.)*"\s*:/.test(text);
}

/**
 * Mends what people get wrong in files that they edit: a quote forgotten before a colon, a comma before the end of a
 * list, one forgotten between lines, the braces around a piece. Lines stay where they are. `undefined` when more is wrong.
 */
export function mendJson(text: string): Mending | undefined {
  const wrapped = isFragment(text);
  let current = wrapped ? `{\n${text.replace(/,\s*$/, "")}\n}` : text;
  const faults: Mended[] = [];
  for (let round = 0; round < most; round++) {
    const fault = findJsonFault(current);
    if (fault === undefined) return { text: current, faults, wrapped };
    const { offset, expected } = fault;
    const next = current[offset] ?? "";
    const last = current.slice(0, offset).trimEnd().length - 1;
    const note = (at: number, what: string): void => {
      const lines = current.slice(0, at).split("\n");
      faults.push({ line: lines.length - (wrapped ? 2 : 1), column: (lines.at(-1) ?? "").length, expected: what });
    };
    if (expected === 'a double quote before ":"') {
      note(offset, expected);
      current = `${current.slice(0, offset)}"${current.slice(offset)}`;
    } else if ((next === "}" || next === "]") && current[last] === ",") {
      note(last, `no comma before "${next}"`);
      current = current.slice(0, last) + current.slice(last + 1);
    } else if (next === '"' && expected.startsWith('","')) {
      note(last + 1, '","');
      current = `${current.slice(0, last + 1)},${current.slice(last + 1)}`;
    } else return undefined;
  }
  return undefined;
}
