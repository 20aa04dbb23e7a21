--- @fragment
--- Giving a lock to somebody. Needs `token.lua` and `record.lua`.

-- Sixteen tokens, so that a process can pass the lock among its own waiters without asking.
local function grant(lock, process, number, lease, notes)
  lock.token = next_token(lock.last)
  lock.owner, lock.number, lock.last, lock.notes = process, number, lock.token + 15, notes
  lock.since, lock.expires = now, now + lease
end
