import { createHash } from "node:crypto";

/** The TypeScript module of one room's scripts. */
export function emitModule({ room, scripts }) {
  const up = "../".repeat(room.split("/").length + 1);
  return [
    "// Written by scripts/generate-lua.mjs from the .lua files beside it; change those, then `npm run generate`.",
    `import type { Script } from "${room.startsWith("backend/") ? up.slice("../".length) : `${up}backend/`}script.js";`,
    ...scripts.map((script) => emitScript(room, script)),
  ].join("\n\n");
}

function emitScript(room, { stem, name, header, lines }) {
  const source = sourceOf(lines);
  const union = (names) => (names.length === 0 ? "never" : names.map((each) => JSON.stringify(each)).join(" | "));
  const keys = header.keys.map((key) => key.name);
  const args = header.args.map((arg) => arg.name);
  const answers = header.returns.map(({ word, values }) => {
    const items = values.map(
      ({ name: label, type, optional }) =>
        `${label}: ${type === "integer" ? "number" : "string"}${optional ? " | null" : ""}`,
    );
    return `  | readonly [${[`status: ${JSON.stringify(word)}`, ...items].join(", ")}]`;
  });
  const alias = `${name[0].toUpperCase()}${name.slice(1)}Reply`;
  return `/** What \`${name}\` answers. */
export type ${alias} =
${answers.join("\n")};

/** ${header.summary} */
export const ${name}: Script<${union(keys)}, ${union(args)}, ${alias}> = {
  name: ${JSON.stringify(`${room}/${stem}`)},
  source: [
${source.map((line) => `    ${JSON.stringify(line)},`).join("\n")}
  ].join("\\n"),
  sha1: ${JSON.stringify(createHash("sha1").update(source.join("\n")).digest("hex"))},
  keys: ${JSON.stringify(keys)},
  args: ${JSON.stringify(args)},
  readOnly: ${header.readOnly},
};
`;
}

/** The lines that are sent: without those that are blank or a comment as a whole. */
export function sourceOf(lines) {
  return lines.map(({ text }) => text.trimEnd()).filter((text) => text !== "" && !text.trimStart().startsWith("--"));
}
