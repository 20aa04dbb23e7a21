import { readFileJson } from "./file-json.js";
import { below, type Lines } from "./lines.js";
import { isRecord } from "./node-entry.js";
import type { Report } from "./problems.js";
import { readProperties } from "./properties.js";
import { type LoadYaml, readYaml } from "./yaml.js";

/** What a file says, whatever it is written in. */
export interface FileContent {
  readonly tree: Readonly<Record<string, unknown>>;
  /** Its values by their dotted paths. */
  readonly properties: ReadonlyMap<string, unknown>;
  /** All values are texts, as in `.properties`. */
  readonly textOnly: boolean;
  /** Empty where the parser does not know them. */
  readonly lines: Lines;
}

const deepest = 20;
const most = 10_000;

/** Reads JSON, `.properties` or YAML, told apart by the name's ending and else by the text; what is wrong is reported. */
export function readFileText(text: string, name: string, load: LoadYaml, report: Report): FileContent | undefined {
  const plain = text.replace(/^\uFEFF/, "");
  const format = formatOf(plain, name);
  if (format === "properties") {
    const read = readProperties(plain, name, report);
    if (read === undefined) return undefined;
    const { properties, lines } = read;
    return { tree: nest(properties), properties, textOnly: true, lines };
  }
  const read = format === "json" ? readFileJson(plain, name, report) : readYaml(plain, name, load, report);
  if (read === undefined) return undefined;
  const tree = read.value ?? {};
  if (isRecord(tree)) return { tree, properties: flatten(tree), textOnly: false, lines: read.lines };
  report.problem(
    "ERR_FLEET_CONFIG_TYPE",
    `${name} must hold an object with names`,
    '{ "backend": "redis://redis-1:6379" }',
  );
  return undefined;
}

function formatOf(text: string, name: string): "json" | "yaml" | "properties" {
  if (/\.properties$/i.test(name)) return "properties";
  if (/\.ya?ml$/i.test(name)) return "yaml";
  if (/\.json$/i.test(name) || /^\s*["[{]/.test(text)) return "json";
  const line = text.split(/\r\n|\r|\n/).find((one) => !/^\s*(?:[#!]|$)/.test(one)) ?? "";
  if (/^\s*[^\s=:]+\s*=/.test(line)) return "properties";
  return /^\s*[^\s=:]+\s*:(?:\s|$)|^---/.test(line) ? "yaml" : "json";
}

/** The values of a tree by their dotted paths, those of lists as `path[0]`. */
function flatten(tree: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  const flat = new Map<string, unknown>();
  const visit = (value: unknown, path: string, depth: number): void => {
    // YAML's aliases can make a tree endless.
    if (depth > deepest || flat.size >= most) return;
    if (Array.isArray(value)) value.forEach((item, index) => visit(item, below(path, index), depth + 1));
    else if (isRecord(value)) {
      for (const [name, item] of Object.entries(value)) visit(item, below(path, name), depth + 1);
    } else flat.set(path, value);
  };
  visit(tree, "", 0);
  return flat;
}

/** The tree that dotted names mean; a name below one that has a value of its own stays as it is. */
function nest(properties: ReadonlyMap<string, string>): Record<string, unknown> {
  const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [path, value] of properties) {
    const names = path.split(".", deepest);
    if (names.length === deepest) continue;
    let place = root;
    for (const name of names.slice(0, -1)) {
      const inside = place[name] ?? (Object.create(null) as Record<string, unknown>);
      if (!isRecord(inside)) break;
      place[name] ??= inside;
      place = inside as Record<string, unknown>;
    }
    place[names.at(-1) ?? path] ??= value;
  }
  return root;
}
