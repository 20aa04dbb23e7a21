--- Stores a value for whoever holds a lock, unless somebody with a later token was here.
-- @key register - string: `1|token|process|sequence`, and the value on the next line
-- @arg token - of the lock
-- @arg process - id of the instance that writes
-- @arg sequence - the number of this write among those of the process
-- @arg life - milliseconds until it is forgotten, 0 for never
-- @arg value - text
-- @op token, process and sequence are those stored, or later ones are
-- @returns OK
-- @returns STALE token:integer
-- @returns CORRUPT
local register = KEYS[1]
local token, process, sequence, life, value = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]

local text = redis.call("GET", register)
if text then
  local last, writer, number = string.match(text, "^1|(%d+)|([%w_%-]+)|(%d+)\n")
  if not last then return { "CORRUPT" } end
  if tonumber(last) > token then return { "STALE", tonumber(last) } end
  -- A token belongs to one holder: its older write is one that comes late, and is overwritten already.
  if tonumber(last) == token and writer == process and tonumber(number) >= sequence then return { "OK" } end
end
-- Not `%s`, which would end the value at a NUL.
text = string.format("1|%.0f|%s|%.0f\n", token, process, sequence) .. value
if life == "0" then redis.call("SET", register, text) else redis.call("SET", register, text, "PX", life) end
return { "OK" }
