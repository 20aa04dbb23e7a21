--- @fragment
--- What operations were answered, so that each has its effect once. Needs `now.lua`, `records`, `due` and `operation`.

local word, given = string.match(redis.call("HGET", records, "a\0" .. operation) or "", "^(%u+) (.*)$")
local answered = word and { word, given } or nil

-- Kept for ten seconds, and no resend is older.
local function answer(status, values)
  redis.call("HSET", records, "a\0" .. operation, status .. " " .. values)
  redis.call("ZADD", due, "+inf", "", string.format("%.0f", now + 10000), "a\0" .. operation)
  return { status, values }
end
