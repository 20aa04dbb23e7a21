import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { below, lineCounter, type Lines } from "./lines.js";
import { isRecord } from "./node-entry.js";
import type { Report } from "./problems.js";

/** What is used of the package `yaml`. */
export interface YamlReader {
  parseDocument(
    text: string,
    options: { readonly prettyErrors: false; readonly logLevel: "error" },
  ): {
    readonly errors: readonly { readonly code: string; readonly pos: readonly [number, number] }[];
    readonly contents: unknown;
    toJS(): unknown;
  };
}

/** Loads the app's own package `yaml`, or throws. */
export type LoadYaml = () => YamlReader;

/** Loads `yaml` as the app's main script would, or from the working directory; throws when neither has it. */
export function loadYaml(): YamlReader {
  const main = process.argv[1];
  const folders = [...(main === undefined ? [] : [dirname(main)]), process.cwd()];
  let failure: unknown;
  for (const folder of folders) {
    try {
      return createRequire(join(folder, "package.json"))("yaml") as YamlReader;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** Reads YAML; what is wrong is told by its line and column alone, since its own messages repeat the text. */
export function readYaml(
  text: string,
  file: string,
  load: LoadYaml,
  report: Report,
): { readonly value: unknown; readonly lines: Lines } | undefined {
  let yaml: YamlReader;
  try {
    yaml = load();
  } catch {
    report.problem(
      "ERR_FLEET_CONFIG_REQUIRED",
      `${file} is YAML, which the package yaml reads, and that is not installed here`,
      "npm install yaml; or write the file as JSON or .properties",
    );
    return undefined;
  }
  try {
    const document = yaml.parseDocument(text, { prettyErrors: false, logLevel: "error" });
    const [fault] = document.errors;
    if (fault === undefined) return { value: document.toJS(), lines: yamlLines(document.contents, text) };
    const before = text.slice(0, fault.pos[0]).split("\n");
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    const why =
      fault.code === "MULTIPLE_DOCS"
        ? "a second document begins: write one, without the parts for other profiles"
        : fault.code.toLowerCase().replaceAll("_", " ");
    report.problem("ERR_FLEET_CONFIG_YAML", `${file} is not valid YAML at ${place}: ${why}`);
  } catch {
    report.problem("ERR_FLEET_CONFIG_YAML", `${file} is YAML that cannot be resolved: look at its anchors and aliases`);
  }
  return undefined;
}

const deepest = 20;

/** The lines of the nodes that `yaml` gives; what has another form than expected has none. */
function yamlLines(contents: unknown, text: string): Lines {
  const lineAt = lineCounter(text);
  const lines = new Map<string, number>();
  const note = (path: string, node: unknown): void => {
    const offset: unknown = isRecord(node) && Array.isArray(node["range"]) ? node["range"][0] : undefined;
    if (typeof offset === "number") lines.set(path, lineAt(offset));
  };
  const visit = (node: unknown, path: string, depth: number): void => {
    if (depth > deepest || !isRecord(node) || !Array.isArray(node["items"])) return;
    node["items"].forEach((item: unknown, index) => {
      const key = isRecord(item) ? item["key"] : undefined;
      const name = isRecord(key) ? key["value"] : undefined;
      const inside = below(path, typeof name === "string" ? name : index);
      note(inside, key ?? item);
      visit(isRecord(item) && key !== undefined ? item["value"] : item, inside, depth + 1);
    });
  };
  visit(contents, "", 0);
  return lines;
}
