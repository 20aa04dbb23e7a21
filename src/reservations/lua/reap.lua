--- Removes what has ended, and forgets what is kept for a while.
-- @key records - hash: item to reservation; `` the last token, `e\0<token>` how one ended, `a\0<operation>` its answer
-- @key due - zset of milliseconds: `s\0<session>` lease, `c\0<item>` cap, `e\0..` and `a\0..` when they are forgotten
-- @key index - zset of one score: `i\0<item>`, `o\0<owner>\0<item>`, `s\0<session>\0<item>`
-- @key log - stream of the feed
-- @arg members - of due, as JSON, that were found to have passed; empty for all that have
-- @arg limit - how many reservations at most
-- @arg channel - of the log's hints
-- @arg origin - id of the instance
-- @op what is removed is not there any more
-- @returns OK expired:integer more:integer
-- @include now.lua
-- @include append.lua
local records, due, index, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local members, limit, channel, origin = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
-- @include reservation.lua
-- @include changes.lua

local expired = 0
local function expire(item)
  local held, living = read(item)
  if living then return false end
  if held then
    drop(held, "expired", "")
    tell("expired", held, "expired", "")
    expired = expired + 1
  end
  return true
end

-- All that the lease of a session kept; false where some is left for another call.
local function expire_lease(session, most)
  if lease_of(session) > now then return false end
  local prefix = "s\0" .. session .. "\0"
  local kept = redis.call("ZRANGEBYLEX", index, "[" .. prefix, "(s\0" .. session .. "\1", "LIMIT", "0", most + 1)
  for at = 1, math.min(most, #kept) do
    expire(string.sub(kept[at], #prefix + 1))
    redis.call("ZREM", index, kept[at])
  end
  return #kept <= most
end

local most = 1000
local passed = members ~= "" and cjson.decode(members)
  or redis.call("ZRANGEBYSCORE", due, "-inf", string.format("%.0f", now), "LIMIT", "0", tostring(most))
for _, member in ipairs(passed) do
  if expired >= limit then break end
  local kind, of, is_done = string.sub(member, 1, 1), string.sub(member, 3), true
  if kind == "c" then is_done = expire(of) end
  if kind == "s" then is_done = expire_lease(of, limit - expired) end
  if kind == "a" or kind == "e" then redis.call("HDEL", records, member) end
  if is_done then redis.call("ZREM", due, member) end
end
return { "OK", expired, (expired >= limit or #passed == most) and 1 or 0 }
