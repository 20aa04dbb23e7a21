--- Extends a session to its idle time, never beyond its absolute end; writes nothing where that changes nothing.
-- @key session - string: the session's text, or the tombstone of one that was destroyed; expires with it
-- @arg token - base64url of the SHA-256 of the identifier
-- @op a second delivery finds the session extended already
-- @returns OK remaining:integer
-- @returns GONE
-- @include now.lua
-- @include record.lua
local session = KEYS[1]
local token = ARGV[1]

local stored = read_record(redis.call("GET", session))
if not stored.live or stored.token ~= token then return { "GONE" } end
local target = time_to_live(tonumber(stored.idle), tonumber(stored.absolute_at))
local remaining = redis.call("PTTL", session)
-- Where the absolute end rules the time to live is there already, give or take the milliseconds of rounding.
if target > remaining + 10 then
  redis.call("PEXPIRE", session, string.format("%.0f", target))
  remaining = target
end
return { "OK", remaining }
