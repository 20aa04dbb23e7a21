--- Extends the lease of a session, and with it all that the session has.
-- @key due - zset of milliseconds: `s\0<session>` is when its lease ends
-- @arg session - public name
-- @arg lease - milliseconds
-- @op a beat that comes twice is a beat
-- @returns HELD ends:integer
-- @returns GONE
-- @include now.lua
local due = KEYS[1]
local session, lease = ARGV[1], tonumber(ARGV[2])

-- First a write that a full server allows: the rest of the script then passes.
redis.call("PERSIST", due)
local ends = tonumber(redis.call("ZSCORE", due, "s\0" .. session)) or 0
if ends <= now then return { "GONE" } end
ends = math.max(ends, now + lease)
redis.call("ZADD", due, string.format("%.0f", ends), "s\0" .. session)
return { "HELD", ends }
