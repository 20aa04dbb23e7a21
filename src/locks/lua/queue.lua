--- @fragment
--- Who waits for a lock, in the order of their coming; each process has one line. Needs `grant.lua`.
-- Where the line of a process begins; nil when it has none.
local function place_of(lock, process)
  return string.find("\n" .. lock.waiters, "\n" .. process .. "|", 1, true)
end

-- A newer request than `number` keeps its place: an older call has come late. Answers whether a place was taken.
local function remove_waiter(lock, process, number)
  local from = place_of(lock, process)
  if not from or tonumber(string.match(lock.waiters, "|(%d+)|", from)) > number then return false end
  local to = string.find(lock.waiters, "\n", from, true)
  lock.waiters = string.sub(lock.waiters, 1, from - 1) .. string.sub(lock.waiters, to + 1)
  return true
end

-- A process that waits with this request keeps its place, and is known to live for `patience` more; answers the place.
local function put_waiter(lock, process, number, patience, lease, notes)
  local from, since = place_of(lock, process), now
  if from then
    local old, _, _, came = string.match(lock.waiters, "|(%d+)|(%d+)|(%d+)|(%d+)|", from)
    if tonumber(old) == number then since = tonumber(came) else from = nil end
    if not from then remove_waiter(lock, process, number) end
  end
  local line = string.format("%s|%.0f|%.0f|%.0f|%.0f|%s\n", process, number, now + patience, lease, since, notes)
  if from then
    local to = string.find(lock.waiters, "\n", from, true)
    lock.waiters = string.sub(lock.waiters, 1, from - 1) .. line .. string.sub(lock.waiters, to + 1)
  else
    from = #lock.waiters + 1
    lock.waiters = lock.waiters .. line
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
