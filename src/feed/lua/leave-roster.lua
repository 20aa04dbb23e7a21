--- Forgets an instance that ends.
-- @key roster - hash: `v` is a number that rises with every change, `i:<id>` is `<beat, ms>|<positions>|<details>`
-- @arg id - of the instance
-- @op one that is not there any more is forgotten
-- @returns OK
local roster = KEYS[1]
local id = ARGV[1]

if redis.call("HDEL", roster, "i:" .. id) == 1 then redis.call("HINCRBY", roster, "v", "1") end
return { "OK" }
