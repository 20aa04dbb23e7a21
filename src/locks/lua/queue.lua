--- @fragment
--- Who waits for a lock, in the order of their coming; each process has one line. Needs `grant.lua`.

-- Where the line of a process begins, and the number of its request; nil when it has none.
local function place_of(lock, process)
  if lock.waiters == "" then return nil end
  local from = string.find("\n" .. lock.waiters, "\n" .. process .. "|", 1, true)
  return from, from and tonumber(string.match(lock.waiters, "|(%d+)|", from))
end

-- Takes the line that begins there, and puts another text in its place.
local function replace_line(lock, from, text)
  local to = string.find(lock.waiters, "\n", from, true)
  lock.waiters = string.sub(lock.waiters, 1, from - 1) .. text .. string.sub(lock.waiters, to + 1)
end

-- Who waits already keeps the place that begins at `from`, and is known to live for `patience` more; answers the place.
local function put_waiter(lock, from, request)
  local line = string.format("%s|%.0f|%.0f|%.0f|", request.process, request.number, now + request.patience,
    request.lease)
  if from then
    local since = string.match(lock.waiters, "|%d+|%d+|%d+|(%d+)|", from)
    replace_line(lock, from, line .. since .. "|" .. request.notes .. "\n")
  else
    -- Those who died would else stay for as long as somebody has the lock.
    lock.waiters = string.gsub(lock.waiters, "[^|\n]+|%d+|(%d+)|[^\n]*\n", function (until_at)
      return tonumber(until_at) <= now and "" or nil
    end)
    from = #lock.waiters + 1
    lock.waiters = string.format("%s%s%.0f|%s\n", lock.waiters, line, now, request.notes)
  end
  local _, ahead = string.gsub(string.sub(lock.waiters, 1, from - 1), "\n", "")
  return ahead
end

-- Grants a free lock to the first waiter that lives, and tells it, unless it is the caller, who gets a reply. Stored
-- before it is told: a full server refuses the one and not the other. With `counted`, a process that nobody hears on is
-- passed over and keeps its place; it asks again by itself. Until it renews, whoever was told has four seconds only.
local function promote(key, lock, caller, mail, counted)
  local all, passed, at = lock.waiters, "", 1
  while at <= #all do
    local to = string.find(all, "\n", at, true)
    local line = string.sub(all, at, to)
    local process, number, until_at, lease, notes = string.match(line, "^([^|]+)|(%d+)|(%d+)|(%d+)|%d+|(.*)\n$")
    at = to + 1
    if tonumber(until_at) > now then
      local is_caller = process == caller
      lock.waiters = passed .. string.sub(all, at)
      grant(lock, process, tonumber(number), is_caller and tonumber(lease) or math.min(tonumber(lease), 4000), notes)
      write_lock(key, lock)
      if is_caller then return end
      local payload = string.format("%.0f|%.0f|%.0f|%.0f|%.0f", number, lock.token, lock.last, now, lock.expires - now)
      local heard = redis.call("PUBLISH", mail .. process, "locks|granted|||" .. key .. "\n" .. payload)
      if heard > 0 or counted == "0" then return end
      passed, lock.owner, lock.expires = passed .. line, "", 0
    end
  end
  lock.waiters = passed
end
