--- @fragment
--- Appends to a log, together with the change that the entry tells of, and hints at it.

-- The end of the log, position and operation, as the entry that a follower must have applied before the next one.
local function log_tail(log)
  local last = redis.call("XREVRANGE", log, "+", "-", "COUNT", "1")[1]
  if not last then return "0-0", "" end
  for field = 1, #last[2], 2 do
    if last[2][field] == "n" then return last[1], last[2][field + 1] end
  end
  return last[1], ""
end

-- `name` is what the followers on the channel call the log; all but the log are texts.
local function append(log, channel, name, origin, operation, payload)
  local previous, of = log_tail(log)
  local id = redis.call("XADD", log, "MAXLEN", "~", "10000", "*", "o", origin, "n", operation, "p", payload)
  redis.call("PUBLISH", channel, cjson.encode({ name, previous, of, id, origin, operation, payload }))
  return id
end
