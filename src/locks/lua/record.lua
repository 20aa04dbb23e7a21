--- @fragment
--- The text of a lock: `1|owner|number|token|last|expires|since|ended`, the holder's notes, how it was last taken by
--- force, and a line for each waiter, `process|number|until|lease|since|notes`. Needs `now.lua`.

-- Nil for what no version of ours wrote. Held is what expires later than now; kept without an owner counts as held.
local function read_lock(text)
  local lock = { owner = "", number = 0, token = 0, last = 0, expires = 0, since = 0 }
  lock.ended, lock.notes, lock.forced, lock.waiters = "", "", "", ""
  if not text then return lock end
  lock.owner, lock.number, lock.token, lock.last, lock.expires, lock.since, lock.ended, lock.notes, lock.forced,
    lock.waiters = string.match(text,
    "^1|([%w_%-]*)|(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|([%w_%-:,]*)\n([^\n]*)\n([^\n]*)\n(.*)$")
  if not lock.owner then return nil end
  lock.number, lock.token, lock.last = tonumber(lock.number), tonumber(lock.token), tonumber(lock.last)
  lock.expires, lock.since = tonumber(lock.expires), tonumber(lock.since)
  return lock
end

-- Free, it stays for a minute: late deliveries find out that they are late, and the next token is above the last.
local function write_lock(key, lock)
  local text = string.format("1|%s|%.0f|%.0f|%.0f|%.0f|%.0f|%s\n%s\n%s\n%s", lock.owner, lock.number, lock.token,
    lock.last, lock.expires, lock.since, lock.ended, lock.notes, lock.forced, lock.waiters)
  redis.call("SET", key, text, "PX", string.format("%.0f", math.max(0, lock.expires - now) + 60000))
end

-- Whether the process has ended this request, or a later one; it is remembered for ten seconds.
local function has_ended(lock, process, number)
  if lock.ended == "" then return false end
  local _, at = string.find("," .. lock.ended, "," .. process .. ":", 1, true)
  return at ~= nil and tonumber(string.match(lock.ended, "^%d+", at)) >= number
end

local function mark_ended(lock, process, number)
  local ended = string.format("%s:%.0f:%.0f", process, number, now)
  for name, last, at in string.gmatch(lock.ended, "([%w_%-]+):(%d+):(%d+)") do
    if name ~= process and tonumber(at) > now - 10000 then
      ended = table.concat({ ended, ",", name, ":", last, ":", at })
    end
  end
  lock.ended = ended
end
