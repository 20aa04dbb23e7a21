// Written by scripts/generate-lua.mjs from the .lua files beside it; change those, then `npm run generate`.

import type { Script } from "../../script.js";

/** What `registerGenerations` answers. */
export type RegisterGenerationsReply =
  | readonly [status: "OK", since: string];

/** Notes since when the histories of writes of some servers are seen, and answers it. */
export const registerGenerations: Script<"seen", "servers", RegisterGenerationsReply> = {
  name: "backend/redis/register-generations",
  source: [
    "local seen = KEYS[1]",
    "local servers = ARGV[1]",
    "local noted = redis.call(\"HGETALL\", seen)",
    "local since, of_run, kept = {}, {}, 0",
    "for at = 1, #noted, 2 do",
    "  local first, run = string.match(noted[at + 1], \"^(%d+) (%w+)$\")",
    "  if first then",
    "    since[noted[at]] = first",
    "    if not of_run[run] or tonumber(first) > tonumber(of_run[run]) then of_run[run] = first end",
    "    kept = kept + 1",
    "  end",
    "end",
    "local answer, named = \"\", {}",
    "for replid, second, run, now, started in string.gmatch(servers, \"(%w+),([01]),(%w+),(%d+),(%d+);\") do",
    "  if not since[replid] then",
    "    local first = now",
    "    if second == \"0\" then first = of_run[run] or (#noted == 0 and started) or now end",
    "    since[replid] = first",
    "    redis.call(\"HSET\", seen, replid, first .. \" \" .. run)",
    "    kept = kept + 1",
    "  end",
    "  named[replid] = true",
    "  answer = answer .. replid .. \":\" .. since[replid] .. \";\"",
    "end",
    "if kept > 256 then",
    "  for at = 1, #noted, 2 do",
    "    if not named[noted[at]] then redis.call(\"HDEL\", seen, noted[at]) end",
    "  end",
    "end",
    "return { \"OK\", answer }",
  ].join("\n"),
  sha1: "2907d6d8e5b045fa0d374f5b11b8f76750be39d9",
  keys: ["seen"],
  args: ["servers"],
  readOnly: false,
};
