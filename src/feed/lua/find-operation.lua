--- @fragment
--- Recognises what was appended to a log already.

-- The position of an operation among at most 512 entries from `since` on; false when it is not there. Nil when nobody
-- can tell: beyond them, or when the log has no entry at `since`, and so is not the one that the caller knows.
local function find_operation(log, since, operation)
  local entries = redis.call("XRANGE", log, since, "+", "COUNT", "513")
  if not entries[1] or entries[1][1] ~= since then return nil end
  for at = 1, #entries do
    local fields = entries[at][2]
    for field = 1, #fields, 2 do
      if fields[field] == "n" and fields[field + 1] == operation then return entries[at][1] end
    end
  end
  if #entries > 512 then return nil end
  return false
end
