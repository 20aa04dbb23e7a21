import { LuaProblem } from "./tokens.mjs";

const readers = {
  key: (header, text, place) => header.keys.push(readNamed("key", text, place)),
  arg: (header, text, place) => header.args.push(readNamed("arg", text, place)),
  returns: (header, text, place) => header.returns.push(readAnswer(text, place)),
  absent: (header, text, place) => header.absent.push(readAbsent(text, place)),
  op: (header, text, place) => {
    if (text === "") throw new LuaProblem(place, "@op says in words how the script recognises its own resend");
    header.op = text;
  },
  readonly: (header, text, place) => {
    if (text !== "") throw new LuaProblem(place, "@readonly takes no text");
    header.readOnly = true;
  },
  include: () => {},
};

/** Reads the comment lines at the top of a script; a line without a tag is prose, for readers only. */
export function readHeader(lines) {
  const first = lines[0];
  const summary = /^--- ([A-Z].*\.)$/.exec(first.text)?.[1];
  if (summary === undefined)
    throw new LuaProblem(first.place, "the first line is a sentence: `--- Does this or that.`");
  const header = {
    summary,
    place: first.place,
    keys: [],
    args: [],
    returns: [],
    absent: [],
    op: undefined,
    readOnly: false,
  };
  for (const { text, place } of lines.slice(1)) {
    if (!text.startsWith("--")) break;
    const tag = /^--+ *@(\w*) *(.*)$/.exec(text);
    if (tag === null) continue;
    const reader = readers[tag[1]];
    if (reader === undefined)
      throw new LuaProblem(
        place,
        `@${tag[1]} is none of ${Object.keys(readers)
          .map((name) => `@${name}`)
          .join(", ")}`,
      );
    reader(header, tag[2].trim(), place);
  }
  checkHeader(header);
  return header;
}

function readNamed(tag, text, place) {
  const match = /^([a-z][A-Za-z0-9]*) - (\S.*)$/.exec(text);
  if (match === null) throw new LuaProblem(place, `write \`-- @${tag} name - description\`, the name in camelCase`);
  return { name: match[1], place };
}

function readAnswer(text, place) {
  const [word, ...values] = text.split(/\s+/);
  if (!/^[A-Z]{2,12}$/.test(word))
    throw new LuaProblem(place, "an answer begins with a short upper-case word: `-- @returns OK version:integer`");
  return {
    word,
    place,
    values: values.map((value) => {
      const match = /^([a-z][A-Za-z0-9]*):(integer|text)(\?)?$/.exec(value);
      if (match === null)
        throw new LuaProblem(
          place,
          `${value} is no \`name:integer\` or \`name:text\`, with \`?\` where it may be missing`,
        );
      return { name: match[1], type: match[2], optional: match[3] !== undefined };
    }),
  };
}

function readAbsent(text, place) {
  const match = /^([a-z][A-Za-z0-9]*): (\S.*)$/.exec(text);
  if (match === null) throw new LuaProblem(place, "write `-- @absent key: what the caller does on TRYAGAIN`");
  return { name: match[1], place };
}

function checkHeader(header) {
  const { keys, args, returns, absent, op, readOnly, place } = header;
  const seen = new Set();
  for (const { name, place: at } of [...keys, ...args]) {
    if (seen.has(name)) throw new LuaProblem(at, `${name} is declared twice`);
    seen.add(name);
  }
  if (keys.length === 0) throw new LuaProblem(place, "a script declares its keys: `-- @key name - description`");
  if (returns.length === 0)
    throw new LuaProblem(place, "no @returns: one line for each answer, `-- @returns OK version:integer`");
  if (!readOnly && op === undefined) {
    throw new LuaProblem(
      place,
      "no @op: a script that writes says how it recognises its own resend; one that does not is marked @readonly",
    );
  }
  if (readOnly && op !== undefined) throw new LuaProblem(place, "@op and @readonly exclude each other");
  for (const { name, place: at } of absent) {
    if (!keys.some((key) => key.name === name)) throw new LuaProblem(at, `@absent names ${name}, which is no @key`);
    if (keys.length === 1) throw new LuaProblem(at, "@absent has no sense with one key: such a script always works");
  }
}
