import type { Origin } from "./backend-config.js";
import { isFragment, type Mended, type Mending, mendJson } from "./json-mend.js";
import { findJsonFault } from "./json-place.js";
import { isKnownKey, isPublicValue, mask, reveal } from "./json-reveal.js";
import { excerpt, readJson } from "./json-value.js";
import { jsonLines, type Lines } from "./lines.js";
import { isRecord } from "./node-entry.js";
import type { Report } from "./problems.js";

const example = '{ "backend": "redis://redis-1:6379" }';

/**
 * Reads a file of JSON. What is none is `ERR_FLEET_CONFIG_JSON`: each mistake with its line, column and the line to
 * write instead, and for a piece without its braces the whole text, secrets masked.
 */
export function readFileJson(
  text: string,
  file: string,
  report: Report,
): { readonly value: unknown; readonly lines: Lines } | undefined {
  if (findJsonFault(text) === undefined) return { value: JSON.parse(text) as unknown, lines: jsonLines(text) };
  const origin: Origin = { origin: "file", name: file };
  const mending = mendJson(text);
  if (mending !== undefined) {
    describe(text, mending, file, report);
    return undefined;
  }
  if (!isFragment(text)) {
    readJson(text, origin, example, report);
    return undefined;
  }
  const inside = `{\n${text}\n}`;
  const { offset = 0, expected = "" } = findJsonFault(inside) ?? {};
  const lines = inside.slice(0, offset).split("\n");
  const line = Math.max(1, lines.length - 1);
  const message = [
    `${file} is a piece of a JSON object: the braces around it are missing`,
    `and at line ${line}, column ${(lines.at(-1) ?? "").length + 1}: expected ${expected}`,
    excerpt(inside, offset),
  ];
  report.problem("ERR_FLEET_CONFIG_JSON", message.join("\n"), "write { before it and } after it");
  return undefined;
}

function describe(text: string, { text: mended, faults, wrapped }: Mending, file: string, report: Report): void {
  const tree: unknown = JSON.parse(mended);
  const given = text.split("\n");
  const corrected = mended.split("\n").slice(wrapped ? 1 : 0);
  const parts: string[] = [];
  if (wrapped) {
    const comma = /,\s*$/.test(text) ? ", and the comma at its end must go" : "";
    parts.push(`${file} is a piece of a JSON object: the braces around it are missing${comma}`);
  }
  const byLine = group(faults);
  let first: string | undefined;
  for (const [line, ofLine] of byLine) {
    const [place] = ofLine;
    const expected = ofLine.map((fault) => fault.expected).join(", and ");
    const start =
      parts.length === 0 ? `${file} is not valid JSON at` : wrapped && first === undefined ? "and at" : "at";
    parts.push(`${start} line ${line + 1}, column ${place.column + 1}: expected ${expected}`);
    const { write, isPlain } = printable(corrected[line] ?? "", tree);
    const shown = isPlain
      ? `  ${(given[line] ?? "").trimEnd()}\n  ${(given[line] ?? "").slice(0, place.column).replace(/[^\t]/g, " ")}^`
      : undefined;
    parts.push(shown ?? excerpt(`${given[line] ?? ""}`, place.column), `write: ${write}`);
    first ??= write;
  }
  const whole = JSON.stringify(masked(tree, undefined), undefined, 2);
  if (wrapped) parts.push(`write:\n${whole}`);
  if (parts.some((part) => part.includes(mask)))
    parts.push(`what may be secret is shown as ${mask}: write your own value there`);
  report.problem("ERR_FLEET_CONFIG_JSON", parts.join("\n"), wrapped ? "write { before it and } after it" : first);
}

function group(faults: readonly Mended[]): ReadonlyMap<number, readonly [Mended, ...Mended[]]> {
  const lines = new Map<number, [Mended, ...Mended[]]>();
  for (const fault of [...faults].sort((left, right) => left.line - right.line)) {
    const present = lines.get(fault.line);
    if (present === undefined) lines.set(fault.line, [fault]);
    else present.push(fault);
  }
  return lines;
}

/** A corrected line as it may be shown, and whether nothing in it had to be masked. */
function printable(line: string, tree: unknown): { readonly write: string; readonly isPlain: boolean } {
  const text = line.trim();
  const bare = text.replace(/,$/, "");
  const pair: unknown = findJsonFault(`{${bare}}`) === undefined ? JSON.parse(`{${bare}}`) : undefined;
  if (isRecord(pair) && Object.keys(pair).length === 1) {
    const [[name, value] = ["", undefined]] = Object.entries(pair);
    if (isHostPair(name, value) && hasHost(tree, name, value)) return { write: text, isPlain: true };
    const shown = masked(pair, undefined);
    if (JSON.stringify(shown) === JSON.stringify(pair)) return { write: text, isPlain: true };
    return { write: `${JSON.stringify(shown).slice(1, -1)}${text.endsWith(",") ? "," : ""}`, isPlain: false };
  }
  const write =
    findJsonFault(text) === undefined ? JSON.stringify(masked(JSON.parse(text), undefined)) : reveal(text).text;
  return { write, isPlain: false };
}

function hasHost(tree: unknown, host: string, port: unknown): boolean {
  if (!isRecord(tree)) return false;
  return Object.entries(tree).some(([name, value]) =>
    isHostMap(name) && isRecord(value) && Object.hasOwn(value, host)
      ? value[host] === port
      : hasHost(value, host, port),
  );
}

const isHostMap = (name: string | undefined): boolean => name === "hosts" || name === "redis_hosts";
const isAddressList = (name: string | undefined): boolean => name === "addrs" || name === "redis_addrs";

function isHostPair(host: string, port: unknown): boolean {
  return /^[A-Za-z0-9_][\w.-]{0,80}$/.test(host) && !isKnownKey(host) && /^"?\d{1,5}"?$/.test(JSON.stringify(port));
}

/** The value with everything masked that is not known to be harmless. */
function masked(value: unknown, key: string | undefined): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => masked(item, isAddressList(key) ? "host" : undefined));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => {
        if (isHostMap(key) && isHostPair(name, item)) return [name, item];
        return isKnownKey(name) ? [name, masked(item, name)] : [mask, mask];
      }),
    );
  }
  if (value === null || value === "" || typeof value === "boolean") return value;
  return isPublicValue(key, JSON.stringify(value).replace(/^"|"$/g, "")) ? value : mask;
}
