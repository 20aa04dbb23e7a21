import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { LuaTree } from "./lua-tree.js";

const clock = `--- @fragment Server time in milliseconds.
local function now()
  local time = redis.call("TIME")
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

const script = `--- Extends a session to its idle time.
-- It never creates one.
-- @key session - the record
-- @arg idleTime - milliseconds
-- @op extending twice is extending once
-- @returns OK until:integer owner:text?
-- @returns GONE
-- @include clock.lua
local session = KEYS[1]
local idle_time = tonumber(ARGV[1])

-- A comment of its own line is not sent.
if redis.call("PEXPIRE", session, idle_time) == 0 then return { "GONE" } end
return { "OK", now() + idle_time, redis.call("HGET", session, "-- owner") } -- this one is
`;

const read = `--- Reads it.
-- @key session - the record
-- @readonly
-- @returns FOUND value:text
local session = KEYS[1]
return { "FOUND", redis.call("GET", session) }
`;

const files = { "src/sessions/lua/extend-it.lua": script, "src/backend/redis/lua/clock.lua": clock };
const output = "src/sessions/lua/scripts.generated.ts";

test("writes one typed constant for each script", () => {
  using tree = new LuaTree({ ...files, "src/sessions/lua/read-it.lua": read });
  expect(tree.generate().code).toBe(0);
  const source = [
    "local function now()",
    '  local time = redis.call("TIME")',
    "  return time[1] * 1000 + math.floor(time[2] / 1000)",
    "end",
    "local session = KEYS[1]",
    "local idle_time = tonumber(ARGV[1])",
    'if redis.call("PEXPIRE", session, idle_time) == 0 then return { "GONE" } end',
    'return { "OK", now() + idle_time, redis.call("HGET", session, "-- owner") } -- this one is',
  ];
  const written = tree.read(output);
  expect(written).toContain('import type { Script } from "../../backend/script.js";');
  expect(written).toContain(
    '| readonly [status: "OK", until: number, owner: string | null]\n  | readonly [status: "GONE"];',
  );
  expect(written).toContain('export const extendIt: Script<"session", "idleTime", ExtendItReply> = {');
  expect(written).toContain(source.map((line) => `    ${JSON.stringify(line)},\n`).join(""));
  expect(written).toContain(`sha1: "${createHash("sha1").update(source.join("\n")).digest("hex")}"`);
  expect(written).toContain('name: "sessions/extend-it"');
  expect(written).toContain('export const readIt: Script<"session", never, ReadItReply> = {');
  expect(written.match(/readOnly: (true|false)/g)).toEqual(["readOnly: false", "readOnly: true"]);
});

test("scripts of backend/redis find the type beside them", () => {
  using tree = new LuaTree({ "src/backend/redis/lua/read-it.lua": read });
  expect(tree.generate().code).toBe(0);
  const written = tree.read("src/backend/redis/lua/scripts.generated.ts");
  expect(written).toContain('from "../../script.js"');
  expect(written).toContain('name: "backend/redis/read-it"');
});

test("line ends of Windows give the same module", () => {
  using tree = new LuaTree(files);
  tree.generate();
  for (const [file, text] of Object.entries(files)) tree.write(file, text.replaceAll("\n", "\r\n"));
  tree.write(output, tree.read(output).replaceAll("\n", "\r\n"));
  expect(tree.generate("--check")).toEqual({ code: 0, errors: "" });
});

test("--check names the module that is not what its scripts give, and leaves it", () => {
  using tree = new LuaTree(files);
  expect(tree.generate("--check")).toMatchObject({
    code: 1,
    errors: expect.stringContaining("scripts.generated.ts") as string,
  });
  tree.generate();
  expect(tree.generate("--check")).toEqual({ code: 0, errors: "" });
  tree.write("src/backend/redis/lua/clock.lua", clock.replace("1000 +", "1000 + 1 +"));
  const before = tree.read(output);
  expect(tree.generate("--check")).toMatchObject({
    code: 1,
    errors: expect.stringContaining("scripts.generated.ts") as string,
  });
  expect(tree.read(output)).toBe(before);
});

test("a module whose scripts are gone is drift, and goes", () => {
  using tree = new LuaTree({ ...files, [output]: "export {};\n" });
  tree.write("src/health/lua/scripts.generated.ts", "export {};\n");
  tree.generate();
  expect(() => tree.read("src/health/lua/scripts.generated.ts")).toThrow("ENOENT");
});
