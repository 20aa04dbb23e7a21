import type { RespValue } from "../support/resp-parser.js";

/** An argument as COMMAND DOCS describes it. */
interface ArgumentDocs {
  readonly name: string;
  /** Empty when it is not told: then it is as old as what it belongs to. */
  readonly since: string;
  readonly token: string | undefined;
  readonly flags: readonly string[];
  readonly arguments: readonly ArgumentDocs[];
}

interface OneCommandDocs {
  readonly since: string;
  readonly history: readonly (readonly [version: string, text: string])[];
  readonly arguments: readonly ArgumentDocs[];
}

const floor = [5, 0, 0] as const;

/** Changes of commands that no argument tells of, with the reason why nothing here depends on them. */
const harmless: Readonly<Record<string, string>> = {
  "cluster|slots 7.0.0": "more fields in the reply, which are not read",
  "info 7.0.0": "several sections: none or one is asked for",
  "xadd 7.0.0": "positions of the form <ms>-*: ours are whole, or * alone",
  "xrange 6.2.0": "ranges without their ends: ours are with them",
  "xrevrange 6.2.0": "ranges without their ends: ours are with them",
  "set 7.0.0": "NX together with GET: GET itself is refused by its token",
};

/** What a server tells of its commands, asked whether something is newer than Redis 5.0. */
export class CommandDocs {
  readonly #commands: ReadonlyMap<string, OneCommandDocs>;

  /** From answers to COMMAND DOCS, of a data server and of a sentinel. */
  constructor(answers: readonly RespValue[]) {
    this.#commands = new Map(answers.flatMap(readCommands));
  }

  /** The name of the command, with the one of its subcommand: "client|setname". Undefined for an unknown one. */
  nameOf(words: readonly string[]): string | undefined {
    const [name = "", second = ""] = words.map((word) => word.toLowerCase());
    const long = `${name}|${second}`;
    if (this.#commands.has(long)) return long;
    return this.#commands.has(name) ? name : undefined;
  }

  /** What of a command, as it is sent, is newer than 5.0; empty when nothing is. */
  newerThanFloor(words: readonly string[]): readonly string[] {
    const name = this.nameOf(words);
    const docs = name === undefined ? undefined : this.#commands.get(name);
    if (name === undefined || docs === undefined) return [`${words[0]?.toLowerCase()} is unknown`];
    if (isNewer(docs.since)) return [`${name} ${docs.since}`];
    const given = words.slice(name.split("|").length).map((word) => word.toUpperCase());
    const newer = flatten(docs.arguments, docs.since).filter(({ since }) => isNewer(since));
    const tokens = newer.filter(({ token }) => token !== undefined && given.includes(token.toUpperCase()));
    return [
      ...tokens.map(({ token, since }) => `${name} ${token} ${since}`),
      ...tooMany(docs, given.length).map(({ name: argument, since }) => `${name} ${argument} ${since}`),
      ...docs.history.flatMap(([version, text]) => {
        if (!isNewer(version) || newer.some(({ since }) => since === version)) return [];
        return `${name} ${version}` in harmless ? [] : [`${name} ${version}: ${text}`];
      }),
    ];
  }

  /** The words that later versions gave a command, such as KEEPTTL of SET. */
  newerTokens(name: string): readonly string[] {
    const docs = this.#commands.get(name.toLowerCase());
    if (docs === undefined) return [];
    return flatten(docs.arguments, docs.since).flatMap(({ token, since }) =>
      token !== undefined && isNewer(since) ? [token] : [],
    );
  }
}

/** Newer arguments without a word of their own, when more are given than Redis 5.0 takes. */
function tooMany({ arguments: known }: OneCommandDocs, given: number): readonly ArgumentDocs[] {
  const isPlain = ({ token, flags, arguments: inner }: ArgumentDocs): boolean =>
    token === undefined && inner.length === 0 && !flags.includes("multiple");
  const newer = known.filter((argument) => isNewer(argument.since) && isPlain(argument));
  const older = known.filter((argument) => !isNewer(argument.since));
  return older.every(isPlain) && given > older.length ? newer : [];
}

function isNewer(version: string): boolean {
  const parts = version.split(".").map(Number);
  const different = floor.findIndex((part, index) => (parts[index] ?? 0) !== part);
  return version !== "" && different >= 0 && (parts[different] ?? 0) > (floor[different] ?? 0);
}

function flatten(known: readonly ArgumentDocs[], inherited: string): readonly ArgumentDocs[] {
  return known.flatMap((argument) => {
    const since = argument.since === "" ? inherited : argument.since;
    return [{ ...argument, since }, ...flatten(argument.arguments, since)];
  });
}

/** A flat list of names and values, as a map comes in RESP2. */
function fields(value: RespValue | undefined): ReadonlyMap<string, RespValue> {
  const pairs = new Map<string, RespValue>();
  if (!Array.isArray(value)) return pairs;
  for (let index = 0; index + 1 < value.length; index += 2) pairs.set(String(value[index]), value[index + 1] ?? null);
  return pairs;
}

function list(value: RespValue | undefined): readonly RespValue[] {
  return Array.isArray(value) ? value : [];
}

function readCommands(answer: RespValue): readonly (readonly [string, OneCommandDocs])[] {
  return [...fields(answer)].flatMap(([name, value]) => {
    const docs = fields(value);
    const own: OneCommandDocs = {
      since: String(docs.get("since") ?? ""),
      history: list(docs.get("history")).map((entry) => [String(list(entry)[0]), String(list(entry)[1])] as const),
      arguments: list(docs.get("arguments")).map(readArgument),
    };
    return [[name.toLowerCase(), own] as const, ...readCommands(docs.get("subcommands") ?? [])];
  });
}

function readArgument(value: RespValue): ArgumentDocs {
  const docs = fields(value);
  const token = docs.get("token");
  return {
    name: String(docs.get("name") ?? ""),
    since: String(docs.get("since") ?? ""),
    token: typeof token === "string" && token !== "" ? token : undefined,
    flags: list(docs.get("flags")).map(String),
    arguments: list(docs.get("arguments")).map(readArgument),
  };
}
