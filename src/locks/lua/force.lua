--- @fragment
--- Taking a lock by force. Needs `record.lua`, `grant.lua` and `queue.lua`.

-- Whether this was the last call that took the lock by force.
local function is_repeat(lock, operation)
  return string.sub(lock.forced, 1, #operation + 1) == operation .. "|"
end

-- The answer to a steal that comes a second time, or late; nil for one that is new.
local function answer_again(lock, operation, process, number)
  local _, waits = place_of(lock, process)
  local holds = lock.expires > now and lock.owner == process and lock.number
  if holds == number then return granted(lock) end
  if is_repeat(lock, operation) or has_ended(lock, process, number) then return { "ENDED" } end
  if math.max(holds or 0, waits or 0) > number then return { "ENDED" } end
  return nil
end

-- Nobody has the lock any more; answers who had it.
local function take_back(lock, operation, kind, why)
  local victim, number = "", 0
  if lock.expires > now then victim, number = lock.owner, lock.number end
  if victim ~= "" then mark_ended(lock, victim, number) end
  lock.forced = string.format("%s|%s|%.0f|%s|%s", operation, victim, number, kind, why)
  lock.owner, lock.expires = "", 0
  return victim
end

local function letter_of_loss(key, lock)
  return "locks|lost|||" .. key .. "\n" .. lock.forced
end
