import { commands } from "./commands.mjs";
import { LuaProblem, splitGroup, tokenize, unquote } from "./tokens.mjs";

const redisFunctions = new Set(["call", "pcall", "error_reply", "sha1hex"]);

/** Throws a `LuaProblem` for the first rule that a loaded script breaks. */
export function checkScript(script) {
  const tokens = tokenize(script.lines).filter((token) => token.kind !== "comment");
  const unpackRows = checkUnpacking(script, tokens);
  checkNames(script, tokens, unpackRows);
  const locals = localNames(tokens, unpackRows);
  let writes = false;
  tokens.forEach((token, index) => {
    if (token.text === "redis" && token.kind === "name") writes = checkRedis(script, tokens, index, locals) || writes;
  });
  if (!writes && !script.header.readOnly)
    throw new LuaProblem(script.header.place, "the script writes nothing: mark it @readonly");
  checkAnswers(script, tokens);
}

/** Checks the lines that give KEYS and ARGV their names, in order and nowhere else; returns their rows. */
function checkUnpacking({ file, header, lines }, tokens) {
  const expected = { KEYS: header.keys, ARGV: header.args };
  const next = { KEYS: 1, ARGV: 1 };
  const rows = new Set();
  for (const { row, text, place } of tokens) {
    if ((text !== "KEYS" && text !== "ARGV") || rows.has(row)) continue;
    const line = lines[row].text;
    const match = /^local ([\w, ]+?) = (.+)$/.exec(line);
    const names = match?.[1].split(/\s*,\s*/) ?? [];
    const values = (match?.[2] ?? "")
      .replace(/\s*--.*$/, "")
      .split(/\s*,\s*/)
      .map((value) => /^(?:(KEYS|ARGV)\[(\d+)\]|tonumber\((ARGV)\[(\d+)\]\))$/.exec(value));
    if (place.file !== file || match === null || names.length !== values.length || values.includes(null)) {
      throw new LuaProblem(
        place,
        "KEYS and ARGV only stand in the script's own lines `local name, other = KEYS[1], tonumber(ARGV[1])`",
      );
    }
    values.forEach((value, index) => {
      const source = value[1] ?? value[3];
      const position = Number(value[2] ?? value[4]);
      const declared = expected[source][position - 1];
      const tag = source === "KEYS" ? "@key" : "@arg";
      if (declared === undefined) throw new LuaProblem(place, `${source}[${position}] has no ${tag}`);
      if (position !== next[source])
        throw new LuaProblem(
          place,
          `${source}[${position}] stands where ${source}[${next[source]}] is expected: in order, each once`,
        );
      if (names[index] !== declared.name && names[index] !== snakeCase(declared.name)) {
        throw new LuaProblem(
          place,
          `${source}[${position}] is declared as ${declared.name} and named ${names[index]} here`,
        );
      }
      next[source] += 1;
    });
    rows.add(row);
  }
  for (const [source, tag] of [
    ["KEYS", "@key"],
    ["ARGV", "@arg"],
  ]) {
    const missing = expected[source][next[source] - 1];
    if (missing !== undefined)
      throw new LuaProblem(
        missing.place,
        `${tag} ${missing.name} is never unpacked: \`local ${missing.name} = ${source}[${next[source]}]\``,
      );
  }
  return rows;
}

function snakeCase(name) {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isName(header, token, kind) {
  return (
    token.kind === "name" && header[kind].some(({ name }) => token.text === name || token.text === snakeCase(name))
  );
}

/** Refuses other clocks, chance, and a new value for the name of a key. */
function checkNames({ header }, tokens, unpackRows) {
  tokens.forEach((token, index) => {
    const after = tokens[index + 1]?.text;
    const member = tokens[index - 1]?.text === ".";
    if (token.kind !== "name" || member) return;
    if (token.text === "os")
      throw new LuaProblem(token.place, 'os is no clock for a script: redis.call("TIME") is the only one');
    if (token.text === "math" && after === "." && /^random(seed)?$/.test(tokens[index + 2]?.text)) {
      throw new LuaProblem(
        token.place,
        "math.random gives every server the same row of numbers: pass a random argument",
      );
    }
    if (isName(header, token, "keys") && after === "=" && !unpackRows.has(token.row)) {
      throw new LuaProblem(token.place, `${token.text} is a key and keeps its value`);
    }
  });
}

/** Names that `local` and `for` lines make: a key among them was not declared. */
function localNames(tokens, unpackRows) {
  const names = new Set();
  tokens.forEach((token, index) => {
    if (unpackRows.has(token.row) || token.kind !== "name" || (token.text !== "local" && token.text !== "for")) return;
    if (tokens[index + 1]?.text === "function") return;
    for (let at = index + 1; tokens[at]?.kind === "name"; at += 2) {
      names.add(tokens[at].text);
      if (tokens[at + 1]?.text !== ",") break;
    }
  });
  return names;
}

/** Checks one use of `redis` at `index`; true when it writes. */
function checkRedis(script, tokens, index, locals) {
  const { place } = tokens[index];
  const member = tokens[index + 2]?.text;
  if (tokens[index + 1]?.text !== "." || !redisFunctions.has(member)) {
    throw new LuaProblem(
      place,
      `of redis only ${[...redisFunctions].map((name) => `redis.${name}`).join(", ")} are used`,
    );
  }
  if (tokens[index + 3]?.text !== "(")
    throw new LuaProblem(place, `redis.${member} is called with parentheses where it stands, under no other name`);
  if (member !== "call" && member !== "pcall") return false;
  const { parts } = splitGroup(tokens, index + 3);
  if (parts[0]?.length !== 1 || parts[0][0].kind !== "string")
    throw new LuaProblem(place, "the command is written out, in quotes");
  const name = unquote(parts[0][0]).toUpperCase();
  const command = commands.get(name);
  if (command === undefined)
    throw new LuaProblem(
      place,
      `${name} is not among the commands of Redis 5.0 that scripts use (scripts/lua/commands.mjs)`,
    );
  if (command.write && script.header.readOnly)
    throw new LuaProblem(place, `${name} writes, and the script is marked @readonly`);
  const later = parts
    .slice(2)
    .find(
      (part) =>
        part.length === 1 && part[0].kind === "string" && command.later.includes(unquote(part[0]).toUpperCase()),
    );
  if (later !== undefined)
    throw new LuaProblem(place, `${name} has no ${unquote(later[0]).toUpperCase()} in Redis 5.0`);
  const keys = { none: [], first: parts.slice(1, 2), all: parts.slice(1) }[command.keys];
  for (const key of keys) checkKey(script, key, locals, place);
  return command.write;
}

function checkKey({ header }, key, locals, place) {
  if (key.some((token) => token.text === ".."))
    throw new LuaProblem(place, "a key is made by concatenation: every key is declared");
  if (key.length !== 1) return;
  const [token] = key;
  if (token.kind === "string")
    throw new LuaProblem(place, `the key ${token.text} is written into the script: every key is declared`);
  if (isName(header, token, "args") || locals.has(token.text)) {
    throw new LuaProblem(place, `${token.text} is used as a key and comes from no KEYS: every key is declared`);
  }
}

/** Compares what `return { "WORD", ... }` gives with the answers that the header declares. */
function checkAnswers({ header }, tokens) {
  tokens.forEach((token, index) => {
    const word = tokens[index + 2];
    if (token.text !== "return" || tokens[index + 1]?.text !== "{" || word?.kind !== "string") return;
    const answers = header.returns.filter((answer) => answer.word === unquote(word));
    if (answers.length === 0) throw new LuaProblem(token.place, `the answer ${unquote(word)} has no @returns`);
    const values = splitGroup(tokens, index + 1).parts.slice(1);
    if (values.some((part) => part.length === 1 && part[0].text === "nil"))
      throw new LuaProblem(token.place, "nil ends the answer early; write false");
    if (!answers.some((answer) => answer.values.length === values.length)) {
      throw new LuaProblem(
        token.place,
        `the answer ${unquote(word)} has ${values.length} values here and ${answers[0].values.length} in its @returns`,
      );
    }
  });
  for (const { word, place } of header.returns) {
    if (!tokens.some((token) => token.kind === "string" && unquote(token) === word))
      throw new LuaProblem(place, `the script never answers ${word}`);
  }
}
