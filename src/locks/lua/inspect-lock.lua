--- Reads a lock and the server's time.
-- @readonly
-- @key key - string: who has it, which tokens were given, who waits; stays a minute after its end
-- @returns OK now:integer stored:text
-- @include now.lua
local key = KEYS[1]
return { "OK", now, redis.call("GET", key) or "" }
