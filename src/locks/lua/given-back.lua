--- @fragment
--- The short way to give a lock back, as `free-lock.lua` is the one to take it. Needs `now.lua`.

-- What is to be stored; nil unless the holder gives it back while it holds it, nobody waits, and nobody else has ended
-- anything lately.
local function give_back(stored, process, number)
  local mine = "1|" .. process .. "|" .. number .. "|"
  if not stored or string.sub(stored, 1, #mine) ~= mine then return nil end
  local first, expires, ended, forced, waiters =
    string.match(stored, "^%d+|(%d+)|(%d+)|%d+|([^|,\n]*),?\n[^\n]*\n([^\n]*)\n()", #mine + 1)
  if not first or waiters <= #stored or tonumber(expires) <= now then return nil end
  if ended ~= "" and string.sub(ended, 1, #process + 1) ~= process .. ":" then return nil end
  return "0|" .. first .. "|" .. process .. ":" .. number .. ":" .. string.format("%.0f", now) .. ",\n" .. forced
end
