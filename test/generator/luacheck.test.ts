import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { luacheck } from "../../scripts/lua/luacheck.mjs";
import { LuaTree } from "./lua-tree.js";

const script = (body: string): string => `--- Removes it.
-- @key record - the record
-- @op removing twice is removing once
-- @returns OK
-- @include twice.lua
local record = KEYS[1]
${body}
redis.call("DEL", record)
return { "OK" }
`;
const fragment = "--- @fragment Offers more than is used.\nlocal function twice(value)\n  return value * 2\nend\n";

/** luacheck is a program of the system: optional for a contributor, required in CI. */
function isAbsent(problems: readonly string[] | undefined): problems is undefined {
  if (problems === undefined) expect(process.env["CI"], "luacheck is required in CI (Debian: lua-check)").toBeFalsy();
  return problems === undefined;
}

test("every script passes luacheck with its fragments in place", () => {
  const problems = luacheck(fileURLToPath(new URL("../..", import.meta.url)));
  if (!isAbsent(problems)) expect(problems).toEqual([]);
});

test("a global by accident and an unused name are found at their own lines", () => {
  using tree = new LuaTree({
    "src/feed/lua/twice.lua": fragment,
    "src/sessions/lua/remove-it.lua": script("leak = 1\nlocal unused = 2"),
  });
  const problems = luacheck(tree.root);
  if (isAbsent(problems)) return;
  expect(problems).toEqual([
    expect.stringMatching(/^src\/sessions\/lua\/remove-it\.lua:7:1: \(W111\)/),
    expect.stringMatching(/^src\/sessions\/lua\/remove-it\.lua:8:7: \(W211\)/),
  ]);
});

test("a mistake in a fragment is found in the fragment", () => {
  const broken = fragment.replace("value * 2", "values * 2");
  using tree = new LuaTree({ "src/feed/lua/twice.lua": broken, "src/sessions/lua/remove-it.lua": script("") });
  const problems = luacheck(tree.root);
  if (isAbsent(problems)) return;
  expect(problems).toContainEqual(expect.stringMatching(/^src\/feed\/lua\/twice\.lua:3:\d+: \(W113\)/));
});
