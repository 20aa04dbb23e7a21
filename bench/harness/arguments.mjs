import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";

/** The command line cannot be followed; the message says how it is used. */
export class UsageError extends Error {}

/** The suites that there are: every file of `bench/suites`. */
export function suiteNames() {
  return readdirSync(new URL("../suites/", import.meta.url))
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => name.slice(0, -".mjs".length))
    .sort();
}

/** Reads the command line; throws `UsageError` for an unknown suite or option. */
export function readArguments(words, names) {
  const usage = `usage: npm run bench -- <suite> [--json] [--quick]\nsuites: ${names.join(", ")}`;
  let parsed;
  try {
    parsed = parseArgs({
      args: words,
      allowPositionals: true,
      options: { json: { type: "boolean", default: false }, quick: { type: "boolean", default: false } },
    });
  } catch (error) {
    throw new UsageError(`${error.message}\n${usage}`, { cause: error });
  }
  const { positionals, values } = parsed;
  const [suite, ...more] = positionals;
  if (suite === undefined) throw new UsageError(`Which suite?\n${usage}`);
  if (!names.includes(suite)) throw new UsageError(`There is no suite ${JSON.stringify(suite)}.\n${usage}`);
  if (more.length > 0)
    throw new UsageError(`One suite at a time; ${JSON.stringify(more[0])} is one too many.\n${usage}`);
  return { suite, json: values.json, quick: values.quick };
}
