--- @fragment
--- The text of a lock, in one of two forms, as `lock-record.ts` has them. Needs `now.lua`.
--- Given back, and nobody waits: `0|first|ended`, and how it was last taken by force. Otherwise:
--- `1|owner|number|token|first|expires|since|ended`, the holder's notes, how it was last taken by force, and a line for
--- each waiter, `process|number|until|lease|since|notes`.

-- Nil for what no version of ours wrote. Held is what expires later than now; kept without an owner counts as held.
local function read_lock(text)
  local lock = { owner = "", number = 0, token = 0, last = 0, expires = 0, since = 0,
    ended = "", notes = "", forced = "", waiters = "" }
  if not text then return lock end
  if string.sub(text, 1, 2) == "0|" then
    local first, ended, forced = string.match(text, "^0|(%d+)|([^|\n]*)\n([^\n]*)$")
    if not first then return nil end
    lock.last, lock.ended, lock.forced = first + 15, ended, forced
    return lock
  end
  local owner, number, token, first, expires, since, ended, notes, forced, waiters = string.match(text,
    "^1|([^|\n]*)|(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|([^|\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$")
  if not owner then return nil end
  if waiters ~= "" and string.gsub(waiters, "[^|\n]+|%d+|%d+|%d+|%d+|[^\n]*\n", "") ~= "" then return nil end
  return { owner = owner, number = tonumber(number), token = tonumber(token), last = first + 15,
    expires = tonumber(expires), since = tonumber(since), ended = ended, notes = notes, forced = forced,
    waiters = waiters }
end

-- Free, it stays for a minute: late deliveries find out that they are late, and the next token is above the last.
local function write_lock(key, lock)
  local text
  local first = math.max(0, lock.last - 15)
  if lock.owner == "" and lock.expires == 0 and lock.waiters == "" then
    text = string.format("0|%.0f|%s\n%s", first, lock.ended, lock.forced)
  else
    text = string.format("1|%s|%.0f|%.0f|%.0f|%.0f|%.0f|%s\n%s\n%s\n%s", lock.owner, lock.number, lock.token,
      first, lock.expires, lock.since, lock.ended, lock.notes, lock.forced, lock.waiters)
  end
  redis.call("SET", key, text, "PX", math.max(0, lock.expires - now) + 60000)
end

-- Whether the process has ended this request, or a later one; it is remembered for ten seconds at least.
local function has_ended(lock, process, number)
  if lock.ended == "" then return false end
  local _, at = string.find("," .. lock.ended, "," .. process .. ":", 1, true)
  return at ~= nil and tonumber(string.match(lock.ended, "^%d+", at)) >= number
end

-- `process:number:at,` for each process, the oldest first.
local function mark_ended(lock, process, number)
  local ended = lock.ended
  local from = string.find("," .. ended, "," .. process .. ":", 1, true)
  if from then ended = string.sub(ended, 1, from - 1) .. string.sub(ended, string.find(ended, ",", from, true) + 1) end
  while ended ~= "" do
    local at, next_one = string.match(ended, "^[^,]*:(%d+),()")
    if not at or tonumber(at) > now - 10000 then break end
    ended = string.sub(ended, next_one)
  end
  lock.ended = string.format("%s%s:%.0f:%.0f,", ended, process, number, now)
end
