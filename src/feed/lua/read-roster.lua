--- Tells of every instance that is not forgotten.
-- @readonly
-- @key roster - hash: `v` is the time of the last change, `i:<id>` is `<beat, ms>|<positions>|<details>`
-- @returns OK now:integer rows:text
-- @include now.lua
local roster = KEYS[1]

return { "OK", now, cjson.encode(redis.call("HGETALL", roster)) }
