import type { Origin } from "./backend-config.js";
import { findJsonFault } from "./json-place.js";
import { repairJson } from "./json-repair.js";
import { reveal } from "./json-reveal.js";
import type { Report } from "./problems.js";

const widest = 76;

/**
 * Reads JSON; a text that is none is `ERR_FLEET_CONFIG_JSON` with line, column, a caret, what was expected there, and
 * the corrected line with its secrets masked. `example` is a line's right side for texts too broken to correct.
 */
export function readJson(
  text: string,
  origin: Origin,
  example: string,
  report: Report,
): { readonly value: unknown } | undefined {
  const fault = findJsonFault(text);
  if (fault === undefined) return { value: JSON.parse(text) as unknown };
  const before = text.slice(0, fault.offset);
  const line = before.split("\n").length;
  const column = fault.offset - (before.lastIndexOf("\n") + 1) + 1;
  const { why, fix } = diagnose(text, example);
  const write = assignment(origin, fix);
  const parts = [
    `${origin.name} is not valid JSON at line ${line}, column ${column}: expected ${fault.expected}`,
    excerpt(text, fault.offset),
    ...why,
    `write: ${write}`,
  ];
  report.problem("ERR_FLEET_CONFIG_JSON", parts.join("\n"), write);
  return undefined;
}

/** The line that sets a variable in a shell, its value kept whole by single quotes; for code the value alone. */
export function assignment(origin: Origin, value: string): string {
  return origin.origin === "env" ? `${origin.name}='${value.replaceAll("'", "\\u0027")}'` : value;
}

function diagnose(text: string, example: string): { readonly why: readonly string[]; readonly fix: string } {
  const unquoted = !/["']/.test(text);
  // docker run -e NAME=[{"a":1,"b":2}]: the shell makes one word of each alternative, so all but one value is gone.
  if (
    unquoted &&
    /^\s*(?:\[\s*)?(?:host|port|password|username|connectTimeout|commandTimeout|db|name)\s*:/.test(text)
  ) {
    return {
      why: [
        "a shell took the quotes and expanded the braces, so most of it is lost; put single quotes around the value",
      ],
      fix: example,
    };
  }
  const repair = repairJson(text);
  if (repair === undefined) return { why: [], fix: example };
  const why: string[] = [];
  if (unquoted && /[A-Za-z]/.test(text))
    why.push("its double quotes were eaten by a shell; put single quotes around the value");
  if (repair.truncated) {
    why.push(
      unquoted && !/\s/.test(text)
        ? "it ends too early: the shell cut it at the first space, so add what followed"
        : "it ends too early: add what is missing",
    );
  }
  // Nothing of it may be shown: then an example says more.
  if (!/[^\s{}[\],:"*]/.test(repair.json)) return { why, fix: example };
  if (repair.json.includes('"***"')) why.push("what may be secret is shown as ***: write your own value there");
  return { why, fix: repair.json };
}

/** The faulty line with a caret under the place, secrets masked and shortened around the caret. */
export function excerpt(text: string, offset: number): string {
  const revealed = reveal(text);
  const at = revealed.place(offset);
  // Line breaks were made spaces by `reveal`; the break's own offset still tells where a line begins.
  const begins = revealed.place(text.lastIndexOf("\n", offset - 1) + 1);
  const lineEnd = text.indexOf("\n", offset);
  const ends = lineEnd === -1 ? revealed.text.length : revealed.place(lineEnd);
  const from = Math.max(begins, at - Math.floor(widest / 2));
  return `  ${revealed.text.slice(from, Math.min(ends, from + widest))}\n  ${" ".repeat(at - from)}^`;
}
