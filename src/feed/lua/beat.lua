--- Says that an instance lives, and what is to be known of it.
-- @key roster - hash: `v` is the time of the last change, `i:<id>` is `<beat, ms>|<positions>|<details>`
-- @arg id - of the instance
-- @arg positions - text that changes often, and counts as no change
-- @arg details - text
-- @arg forget - milliseconds without a beat after which an instance is forgotten; 0 to forget nobody now
-- @op a beat that comes twice is a beat
-- @returns OK now:integer version:integer
-- @include now.lua
-- @include roster-version.lua
local roster = KEYS[1]
local id, positions, details, forget = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

-- First a write that a full server allows: the rest of the script then passes.
redis.call("PERSIST", roster)
local field = "i:" .. id
local stored = redis.call("HGET", roster, field)
local isNew = not stored or string.match(stored, "^%d+|[^|]*|(.*)$") ~= details
redis.call("HSET", roster, field, string.format("%.0f", now) .. "|" .. positions .. "|" .. details)
local hasChanged = isNew
if forget > 0 then
  local rows = redis.call("HGETALL", roster)
  for at = 1, #rows, 2 do
    local beat = string.sub(rows[at], 1, 2) == "i:" and tonumber(string.match(rows[at + 1], "^(%d+)|"))
    if beat and now - beat > forget then
      redis.call("HDEL", roster, rows[at])
      hasChanged = true
    end
  end
end
return { "OK", now, hasChanged and next_version(roster) or version_of(roster) }
