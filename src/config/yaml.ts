import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Report } from "./problems.js";

/** What is used of the package `yaml`. */
export interface YamlReader {
  parseDocument(
    text: string,
    options: { readonly prettyErrors: false; readonly logLevel: "error" },
  ): {
    readonly errors: readonly { readonly code: string; readonly pos: readonly [number, number] }[];
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
): { readonly value: unknown } | undefined {
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
    if (fault === undefined) return { value: document.toJS() };
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
