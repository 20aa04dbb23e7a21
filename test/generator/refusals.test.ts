import { expect, test } from "vitest";
import { LuaTree } from "./lua-tree.js";

const file = "src/sessions/lua/extend-it.lua";

/** A script without fault, in lines; a case replaces, adds or removes some of them. */
const good = [
  "--- Extends a session to its idle time.",
  "-- @key session - the record",
  "-- @arg token - whose it is",
  "-- @arg idleTime - milliseconds",
  "-- @op extending twice is extending once",
  "-- @returns OK remaining:integer",
  "-- @returns GONE",
  "local session = KEYS[1]",
  "local token, idle_time = ARGV[1], tonumber(ARGV[2])",
  'if redis.call("HGET", session, "token") ~= token then',
  '  return { "GONE" }',
  "end",
  'redis.call("PEXPIRE", session, idle_time)',
  'return { "OK", idle_time }',
];

interface Case {
  readonly name: string;
  /** What the message must hold. */
  readonly says: string;
  readonly line: number;
  /** Lines (from 1) with what stands there instead; an empty array removes one. */
  readonly changes: Readonly<Record<number, string | readonly string[]>>;
  readonly fragments?: Readonly<Record<string, string>>;
}

const cases: readonly Case[] = [
  { name: "no sentence", says: "the first line is a sentence", line: 1, changes: { 1: "-- extends a session" } },
  {
    name: "an unknown tag",
    says: "@reads is none of @key",
    line: 2,
    changes: { 2: ["-- @reads all", "-- @key session - the record"] },
  },
  {
    name: "a key without a description",
    says: "write `-- @key name - description`",
    line: 2,
    changes: { 2: "-- @key session" },
  },
  {
    name: "a name declared twice",
    says: "session is declared twice",
    line: 3,
    changes: { 3: "-- @arg session - whose it is" },
  },
  { name: "no key", says: "a script declares its keys", line: 1, changes: { 2: [] } },
  { name: "no @op on a script that writes", says: "no @op", line: 1, changes: { 5: [] } },
  { name: "an empty @op", says: "@op says in words", line: 5, changes: { 5: "-- @op" } },
  { name: "no @returns", says: "no @returns", line: 1, changes: { 6: [], 7: [] } },
  {
    name: "an answer in lower case",
    says: "a short upper-case word",
    line: 6,
    changes: { 6: "-- @returns ok remaining:integer" },
  },
  {
    name: "a value of an unknown type",
    says: "remaining:float is no",
    line: 6,
    changes: { 6: "-- @returns OK remaining:float" },
  },
  { name: "@op and @readonly", says: "exclude each other", line: 1, changes: { 5: ["-- @op none", "-- @readonly"] } },
  {
    name: "@readonly on a script that writes",
    says: "PEXPIRE writes, and the script is marked @readonly",
    line: 13,
    changes: { 5: "-- @readonly" },
  },
  {
    name: "no @readonly on a script that does not",
    says: "mark it @readonly",
    line: 1,
    changes: { 13: 'redis.call("PTTL", session)' },
  },
  {
    name: "@absent with one key",
    says: "@absent has no sense with one key",
    line: 5,
    changes: { 5: ["-- @absent session: tries again", "-- @op none"] },
  },
  {
    name: "@absent of no key",
    says: "which is no @key",
    line: 5,
    changes: { 5: ["-- @absent token: tries again", "-- @op none"] },
  },
  {
    name: "@absent that does not say what happens",
    says: "write `-- @absent key",
    line: 5,
    changes: { 5: ["-- @absent session", "-- @op none"] },
  },
  {
    name: "an argument that is not unpacked",
    says: "@arg idleTime is never unpacked",
    line: 4,
    changes: { 9: "local token = ARGV[1]", 13: 'redis.call("PERSIST", session)', 14: 'return { "OK", 1 }' },
  },
  { name: "an argument that is not declared", says: "ARGV[2] has no @arg", line: 8, changes: { 4: [] } },
  {
    name: "unpacking out of order",
    says: "ARGV[2] stands where ARGV[1] is expected",
    line: 9,
    changes: { 9: "local idle_time, token = tonumber(ARGV[2]), ARGV[1]" },
  },
  {
    name: "unpacking twice",
    says: "ARGV[2] stands where ARGV[3] is expected",
    line: 10,
    changes: { 9: ["local token, idle_time = ARGV[1], tonumber(ARGV[2])", "local again = ARGV[2]"] },
  },
  {
    name: "another name than declared",
    says: "ARGV[1] is declared as token and named idle_time here",
    line: 9,
    changes: { 9: "local idle_time, token = ARGV[1], tonumber(ARGV[2])" },
  },
  {
    name: "KEYS in the body",
    says: "KEYS and ARGV only stand in",
    line: 13,
    changes: { 13: 'redis.call("PEXPIRE", KEYS[1], idle_time)' },
  },
  {
    name: "the number of arguments",
    says: "KEYS and ARGV only stand in",
    line: 13,
    changes: { 13: 'redis.call("PEXPIRE", session, #ARGV)' },
  },
  {
    name: "a key made by concatenation",
    says: "a key is made by concatenation",
    line: 13,
    changes: { 13: 'redis.call("PEXPIRE", session .. ":x", idle_time)' },
  },
  {
    name: "a key written out",
    says: 'the key "x" is written into the script',
    line: 13,
    changes: { 13: 'redis.call("PEXPIRE", "x", idle_time)' },
  },
  {
    name: "an argument as a key",
    says: "token is used as a key",
    line: 13,
    changes: { 13: 'redis.call("PEXPIRE", token, idle_time)' },
  },
  {
    name: "a local as a key",
    says: "other is used as a key",
    line: 14,
    changes: { 13: ['local other = session .. ":x"', 'redis.call("PEXPIRE", other, idle_time)'] },
  },
  {
    name: "a key of several that is a local",
    says: "other is used as a key",
    line: 14,
    changes: { 13: ["local other = token", 'redis.call("DEL", session, other)'] },
  },
  {
    name: "a key that gets another value",
    says: "session is a key and keeps its value",
    line: 13,
    changes: { 13: ['session = session .. ":x"', 'redis.call("PEXPIRE", session, idle_time)'] },
  },
  {
    name: "a command newer than 5.0",
    says: "GETEX is not among the commands of Redis 5.0",
    line: 13,
    changes: { 13: 'redis.call("GETEX", session, "PX", idle_time)' },
  },
  {
    name: "an option newer than 5.0",
    says: "SET has no KEEPTTL in Redis 5.0",
    line: 13,
    changes: { 13: 'redis.call("SET", session, token, "keepttl")' },
  },
  {
    name: "a command that blocks",
    says: "BLPOP is not among the commands",
    line: 13,
    changes: { 13: 'redis.call("BLPOP", session, 0)' },
  },
  {
    name: "a command that is not written out",
    says: "the command is written out",
    line: 13,
    changes: { 13: "redis.call(token, session, idle_time)" },
  },
  {
    name: "redis.call under another name",
    says: "is called with parentheses where it stands",
    line: 13,
    changes: { 13: ["local call = redis.call", 'call("PEXPIRE", session, idle_time)'] },
  },
  {
    name: "redis under another name",
    says: "of redis only redis.call",
    line: 13,
    changes: { 13: ["local server = redis", 'server.call("PEXPIRE", session, idle_time)'] },
  },
  {
    name: "redis.replicate_commands",
    says: "of redis only redis.call",
    line: 13,
    changes: { 13: ["redis.replicate_commands()", 'redis.call("PEXPIRE", session, idle_time)'] },
  },
  {
    name: "chance",
    says: "math.random gives every server",
    line: 13,
    changes: { 13: 'redis.call("PEXPIRE", session, math.random(idle_time))' },
  },
  {
    name: "another clock",
    says: "os is no clock",
    line: 13,
    changes: { 13: 'redis.call("PEXPIRE", session, os.time())' },
  },
  {
    name: "an answer that is not declared",
    says: "the answer LOST has no @returns",
    line: 11,
    changes: { 11: '  return { "LOST" }' },
  },
  {
    name: "an answer with other values than declared",
    says: "the answer OK has 2 values here and 1",
    line: 14,
    changes: { 14: 'return { "OK", idle_time, 2 }' },
  },
  {
    name: "an answer that nil would cut short",
    says: "nil ends the answer early",
    line: 14,
    changes: { 14: 'return { "OK", nil }' },
  },
  {
    name: "an answer that is never given",
    says: "the script never answers GONE",
    line: 7,
    changes: { 11: '  return { "OK", 0 }' },
  },
  {
    name: "long brackets",
    says: "long brackets are not read here",
    line: 13,
    changes: { 13: 'redis.call("PEXPIRE", session, [[1]])' },
  },
  {
    name: "a bracket that is never closed",
    says: "is never closed",
    line: 14,
    changes: { 14: 'return { "OK", idle_time' },
  },
  {
    name: "more than 60 lines",
    says: "61 lines; at most 60 in a file",
    line: 61,
    changes: { 12: ["end", ...Array.from({ length: 47 }, () => "-- why")] },
  },
  {
    name: "more than 220 lines of code with its fragments",
    says: "lines of code with its fragments; at most 220",
    line: 1,
    changes: {
      7: [
        "-- @returns GONE",
        "-- @include long.lua",
        "-- @include longer.lua",
        "-- @include third.lua",
        "-- @include fourth.lua",
      ],
    },
    fragments: {
      "src/sessions/lua/long.lua": `--- @fragment Long.\n${"local _\n".repeat(58)}`,
      "src/feed/lua/longer.lua": `--- @fragment Longer.\n${"local _\n".repeat(59)}`,
      "src/feed/lua/third.lua": `--- @fragment Third.\n${"local _\n".repeat(59)}`,
      "src/feed/lua/fourth.lua": `--- @fragment Fourth.\n${"local _\n".repeat(59)}`,
    },
  },
  {
    name: "a fragment that is not there",
    says: "@include clock.lua is not there",
    line: 8,
    changes: { 7: ["-- @returns GONE", "-- @include clock.lua"] },
  },
  {
    name: "a fragment that is there twice",
    says: "@include clock.lua is there twice",
    line: 8,
    changes: { 7: ["-- @returns GONE", "-- @include clock.lua"] },
    fragments: {
      "src/feed/lua/clock.lua": "--- @fragment One.\n",
      "src/backend/redis/lua/clock.lua": "--- @fragment Two.\n",
    },
  },
  {
    name: "an include of a script",
    says: "clock.lua is no fragment",
    line: 8,
    changes: { 7: ["-- @returns GONE", "-- @include clock.lua"] },
    fragments: { "src/feed/lua/clock.lua": good.join("\n") },
  },
];

test("the script without fault is taken", () => {
  using tree = new LuaTree({ [file]: good.join("\n") });
  expect(tree.generate()).toMatchObject({ code: 0 });
});

test.each(cases)("refuses $name", ({ says, line, changes, fragments = {} }) => {
  const lines = good.flatMap((text, index) => changes[index + 1] ?? text);
  using tree = new LuaTree({ [file]: `${lines.join("\n")}\n`, ...fragments });
  const { code, errors } = tree.generate();
  expect(errors).toContain(says);
  expect(errors).toMatch(new RegExp(`^${file}:${line}: `));
  expect(code).toBe(1);
});

test.each([
  {
    name: "an include in a fragment",
    text: "--- @fragment Time.\n-- @include other.lua\n",
    says: "a fragment includes nothing",
  },
  {
    name: "KEYS in a fragment",
    text: "--- @fragment Time.\nlocal first = KEYS[1]\n",
    says: "KEYS and ARGV only stand in the script's own lines",
  },
])("refuses $name at its own line", ({ text, says }) => {
  const lines = good.toSpliced(7, 0, "-- @include clock.lua");
  using tree = new LuaTree({ [file]: lines.join("\n"), "src/backend/redis/lua/clock.lua": text });
  const { code, errors } = tree.generate();
  expect(errors).toContain(`src/backend/redis/lua/clock.lua:2: ${says}`);
  expect(code).toBe(1);
});

test.each([
  { name: "delete.lua", says: "delete is a reserved word" },
  { name: "Extend_it.lua", says: "kebab-case" },
])("refuses the name $name", ({ name, says }) => {
  using tree = new LuaTree({ [`src/sessions/lua/${name}`]: good.join("\n") });
  expect(tree.generate()).toEqual({ code: 1, errors: expect.stringContaining(says) as string });
});
