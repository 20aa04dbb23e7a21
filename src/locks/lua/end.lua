--- @fragment
--- The end of a request that holds a lock or waits for it. Needs `record.lua` and `queue.lua`.

-- Older requests of the process end with it. For `keep` milliseconds nobody gets what it held. Answers whether it held
-- or waited until now; a second delivery is answered that it did.
local function end_request(lock, process, number, keep)
  if has_ended(lock, process, number) then return true end
  local from, waits = place_of(lock, process)
  local holds = lock.owner == process and lock.number <= number and lock.expires > now
  if holds then lock.owner, lock.expires = "", keep > 0 and now + keep or 0 end
  local waited = waits ~= nil and waits <= number
  if waited then replace_line(lock, from, "") end
  mark_ended(lock, process, number)
  return holds or waited
end
