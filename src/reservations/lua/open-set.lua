--- Makes a sorted set of a registry, which then is never empty.
-- @key set - zset
-- @arg score - of its sentinel
-- @op it is made once
-- @returns OK
local set = KEYS[1]
local score = ARGV[1]

-- First a write that a full server allows: the rest of the script then passes.
redis.call("PERSIST", set)
redis.call("ZADD", set, score, "")
return { "OK" }
