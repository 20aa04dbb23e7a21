import { fileURLToPath } from "node:url";
import { loadRooms } from "../../scripts/lua/load.mjs";
import { splitGroup, tokenize, unquote } from "../../scripts/lua/tokens.mjs";

/** A call of a server's command in a script; what is no text there is written as `<expression>`. */
export interface LuaCall {
  readonly file: string;
  readonly words: readonly string[];
}

interface Token {
  readonly kind: string;
  readonly text: string;
}

/** Every call of every script of this package, fragments included. */
export function luaCalls(): readonly LuaCall[] {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const rooms = loadRooms(root) as readonly { scripts: readonly { file: string; lines: readonly object[] }[] }[];
  return rooms.flatMap(({ scripts }) => scripts.flatMap(({ file, lines }) => callsIn(file, lines)));
}

function callsIn(file: string, lines: readonly object[]): readonly LuaCall[] {
  const tokens = (tokenize(lines) as Token[]).filter(({ kind }) => kind !== "comment");
  return tokens.flatMap(({ text }, index) => {
    const opens = tokens[index + 1]?.text === "(" && tokens[index - 1]?.text === ".";
    if (!opens || !/^p?call$/.test(text) || tokens[index - 2]?.text !== "redis") return [];
    const { parts } = splitGroup(tokens, index + 1) as { parts: Token[][] };
    const words = parts.map((part) => {
      const [first] = part;
      return part.length === 1 && first?.kind === "string" ? String(unquote(first)) : "<expression>";
    });
    return [{ file, words }];
  });
}
