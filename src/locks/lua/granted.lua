--- @fragment
--- The answer to whoever has the lock. Needs `record.lua`.

local function granted(lock)
  return { "GRANTED", lock.token, lock.last, now, lock.expires - now }
end
