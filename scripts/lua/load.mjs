import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { sourceOf } from "./emit.mjs";
import { readHeader } from "./header.mjs";
import { LuaProblem } from "./tokens.mjs";

const maximumLines = 60;
const maximumLinesWithFragments = 220;
const reserved = new Set(
  `await break case catch class const continue debugger default delete do else enum export extends false finally for function if
  implements import in instanceof interface let new null package private protected public return static super switch this throw true
  try typeof var void while with yield`.split(/\s+/),
);

/** Every `lua` folder under `root`/src as `{ room, folder, scripts }`, in order of their names. */
export function loadRooms(root) {
  return findLuaFolders(join(root, "src")).map((folder) => ({
    room: relative(join(root, "src"), join(folder, "..")).split(sep).join("/"),
    folder,
    scripts: luaFiles(folder)
      .map((file) => readLines(root, join(folder, file)))
      .filter((lines) => !isFragment(lines))
      .map((lines) => loadScript(root, folder, lines)),
  }));
}

function findLuaFolders(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => (entry.name === "lua" ? [join(folder, entry.name)] : findLuaFolders(join(folder, entry.name))));
}

function luaFiles(folder) {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".lua"))
    .sort();
}

function readLines(root, path) {
  const file = relative(root, path).split(sep).join("/");
  // A checkout on Windows may have changed the line ends; what is sent to the server must not differ.
  const lines = readFileSync(path, "utf8").replaceAll("\r\n", "\n").replace(/\n+$/, "").split("\n");
  const numbered = lines.map((text, index) => ({ text, place: { file, line: index + 1 } }));
  if (numbered.length > maximumLines) {
    throw new LuaProblem(numbered[maximumLines].place, `${numbered.length} lines; at most ${maximumLines} in a file`);
  }
  return numbered;
}

function isFragment(lines) {
  return lines[0].text.startsWith("--- @fragment");
}

function loadScript(root, folder, ownLines) {
  const file = ownLines[0].place.file;
  const stem = file.split("/").at(-1).slice(0, -".lua".length);
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(stem))
    throw new LuaProblem(ownLines[0].place, "the file's name is kebab-case");
  const name = stem.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
  if (reserved.has(name))
    throw new LuaProblem(ownLines[0].place, `${name} is a reserved word of TypeScript; give the file another name`);
  const lines = ownLines.flatMap((line) => expandInclude(root, folder, line));
  const sent = sourceOf(lines).length;
  if (sent > maximumLinesWithFragments) {
    throw new LuaProblem(
      ownLines[0].place,
      `${sent} lines of code with its fragments; at most ${maximumLinesWithFragments}`,
    );
  }
  return { stem, name, file, header: readHeader(ownLines), lines };
}

function expandInclude(root, folder, line) {
  const match = /^\s*--+ *@include\b *(.*)$/.exec(line.text);
  if (match === null) return [line];
  const places = [folder, join(root, "src/feed/lua"), join(root, "src/backend/redis/lua")];
  const found = [...new Set(places)]
    .map((place) => join(place, match[1]))
    .filter((path) => path.endsWith(".lua") && existsSync(path));
  if (found.length !== 1) {
    const problem = found.length === 0 ? "is not there" : "is there twice";
    throw new LuaProblem(
      line.place,
      `@include ${match[1]} ${problem}: a .lua file of this folder, src/feed/lua or src/backend/redis/lua`,
    );
  }
  const lines = readLines(root, found[0]);
  if (!isFragment(lines))
    throw new LuaProblem(line.place, `${match[1]} is no fragment: its first line must begin with \`--- @fragment\``);
  const nested = lines.find(({ text }) => /--+ *@include\b/.test(text));
  if (nested !== undefined) throw new LuaProblem(nested.place, "a fragment includes nothing: one level only");
  return lines;
}
