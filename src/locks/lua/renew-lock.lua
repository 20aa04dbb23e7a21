--- Extends the lease of a lock that is held, and notes who of the process has it now.
-- @key key - string: who has it, which tokens were given, who waits; stays a minute after its end
-- @arg process - id of the instance that holds it
-- @arg number - of the request that holds it
-- @arg lease - milliseconds from now
-- @arg token - the one of those given that is in use
-- @arg held - milliseconds since whoever has it now got it
-- @arg notes - JSON on the holder, one line
-- @op process and number hold the lock, and a second delivery extends it by as much
-- @returns OK now:integer
-- @returns LOST now:integer owner:text token:integer since:integer left:integer notes:text forced:text
-- @returns CORRUPT
-- @include now.lua
-- @include record.lua
local key = KEYS[1]
local process, number, lease, token = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local held, notes = tonumber(ARGV[5]), ARGV[6]

local lock = read_lock(redis.call("GET", key))
if not lock then return { "CORRUPT" } end
-- A request that waits may have been granted, and late, and granted again: then its token is of the older grant.
local is_current = lock.owner == process and lock.number == number and token > lock.last - 16
if not is_current or lock.expires <= now then
  local left = math.max(0, lock.expires - now)
  return { "LOST", now, lock.owner, lock.token, lock.since, left, lock.notes, lock.forced }
end
-- First a write that a full server allows: the rest of the script then passes.
redis.call("PEXPIRE", key, "90000")
-- An older delivery that comes late takes nothing back.
lock.expires = math.max(lock.expires, now + lease)
if token > lock.token then
  lock.token, lock.since, lock.notes = token, now - held, notes
elseif token == lock.token then
  lock.since, lock.notes = math.min(lock.since, now - held), notes
end
write_lock(key, lock)
return { "OK", now }
