/** A mistake in a Lua file, with the place where an editor can jump to. */
export class LuaProblem extends Error {
  constructor(place, message) {
    super(`${place.file}:${place.line}: ${message}`);
    this.name = "LuaProblem";
  }
}

const patterns = [
  ["space", /[ \t\r\n]+/y],
  ["comment", /--[^\n]*/y],
  ["string", /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'/y],
  ["number", /0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?/y],
  ["name", /[A-Za-z_]\w*/y],
  ["symbol", /\.\.\.|\.\.|[=~<>]=|[-+*/%^#<>=(){}[\];:,.]/y],
];

/**
 * Splits Lua lines (each `{ text, place }`) into tokens `{ kind, text, place, row }`, comments included, space not.
 *
 * Long brackets are refused: no script needs them, and without them a line stands for itself.
 */
export function tokenize(lines) {
  const tokens = [];
  lines.forEach(({ text, place }, row) => {
    let at = 0;
    while (at < text.length) {
      const token = readToken(text, at, place);
      at += token.text.length;
      if (token.kind !== "space") tokens.push({ ...token, place, row });
    }
  });
  return tokens;
}

function readToken(text, at, place) {
  if (/(?:--)?\[=*\[/y.test(text.slice(at)))
    throw new LuaProblem(place, "long brackets are not read here; use quotes or line comments");
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) return { kind, text: match[0] };
  }
  throw new LuaProblem(place, `not Lua from here on: ${text.slice(at, at + 20)}`);
}

/** The text of a string token without its quotes; escapes stay as written. */
export function unquote(token) {
  return token.text.slice(1, -1);
}

/** Splits the tokens between an opening bracket at `open` and its partner into parts by top-level commas. */
export function splitGroup(tokens, open) {
  const parts = [[]];
  let depth = 0;
  for (let index = open; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token.kind === "symbol" && "({[".includes(token.text)) depth += 1;
    if (token.kind === "symbol" && ")}]".includes(token.text)) depth -= 1;
    if (depth === 0) return { parts: parts.filter((part) => part.length > 0), end: index };
    if (index === open) continue;
    if (depth === 1 && token.kind === "symbol" && (token.text === "," || token.text === ";")) parts.push([]);
    else parts.at(-1).push(token);
  }
  throw new LuaProblem(tokens[open].place, `the bracket ${tokens[open].text} is never closed`);
}
