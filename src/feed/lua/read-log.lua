--- Reads a part of a log.
-- @readonly
-- @key log - stream: o is the instance, n the operation, p the payload
-- @arg from - position at which to begin; the log may have none there
-- @arg count - how many entries at most
-- @returns OK entries:text
-- @include entries.lua
local log = KEYS[1]
local from, count = ARGV[1], ARGV[2]

return { "OK", encode(redis.call("XRANGE", log, from, "+", "COUNT", count)) }
