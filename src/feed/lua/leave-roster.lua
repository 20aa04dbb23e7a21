--- Forgets an instance that ends.
-- @key roster - hash: `v` is the time of the last change, `i:<id>` is `<beat, ms>|<positions>|<details>`
-- @arg id - of the instance
-- @op one that is not there any more is forgotten
-- @returns OK
-- @include now.lua
-- @include roster-version.lua
local roster = KEYS[1]
local id = ARGV[1]

if redis.call("HDEL", roster, "i:" .. id) == 1 then next_version(roster) end
return { "OK" }
