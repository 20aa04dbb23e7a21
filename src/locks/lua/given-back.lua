--- @fragment
--- The short way to give a lock back, as `free-lock.lua` is the one to take it. Needs `now.lua`.

-- What is to be stored; nil unless the holder gives it back while it holds it, nobody waits, and nobody else has ended
-- anything lately.
local function give_back(stored, process, number)
  local mine = string.format("1|%s|%.0f|", process, number)
  if not stored or string.sub(stored, 1, #mine) ~= mine then return nil end
  local last, expires, ended, forced, waiters =
    string.match(stored, "^%d+|(%d+)|(%d+)|%d+|([^|,\n]*),?\n[^\n]*\n([^\n]*)\n()", #mine + 1)
  if not last or waiters <= #stored or tonumber(expires) <= now then return nil end
  if ended ~= "" and string.sub(ended, 1, #process + 1) ~= process .. ":" then return nil end
  return string.format("0|%s|%s:%.0f:%.0f,\n%s", last, process, number, now, forced)
end
