--- Takes a lock from whoever has it: for the caller, ahead of all who wait, or for the first of them.
-- @key key - string: who has it, which tokens were given, who waits; stays a minute after its end
-- @arg operation - another one for each call; no `|`
-- @arg why - JSON on who does it and why, one line
-- @arg expected - only from the holder with this token; 0 from anybody
-- @arg process - id of the instance that calls
-- @arg number - of the request that gets the lock, 0 to release it
-- @arg lease - milliseconds
-- @arg notes - JSON on the new holder, one line
-- @arg generation - replication id of the server as the caller knows it; empty does not mind
-- @arg notBefore - milliseconds of the server's clock before which nothing is granted
-- @arg mail - what the channels of the instances begin with
-- @arg counted - 1 where PUBLISH answers how many hear it, 0 on a cluster
-- @op operation is the last that took this lock by force
-- @returns OK
-- @returns FREE
-- @returns CHANGED now:integer owner:text token:integer since:integer left:integer notes:text
-- @returns GRANTED token:integer last:integer now:integer lease:integer
-- @returns GUARDED left:integer
-- @returns ENDED
-- @returns GENERATION
-- @returns CORRUPT
-- @include now.lua
-- @include token.lua
-- @include guard.lua
-- @include record.lua
-- @include grant.lua
-- @include queue.lua
local key = KEYS[1]
local operation, why, expected, process, number = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local lease, notes, generation, not_before = tonumber(ARGV[6]), ARGV[7], ARGV[8], tonumber(ARGV[9])
local mail, counted = ARGV[10], ARGV[11]
redis.call("PEXPIRE", key, "90000")
local lock = read_lock(redis.call("GET", key))
if not lock then return { "CORRUPT" } end
if string.sub(lock.forced, 1, #operation + 1) == operation .. "|" then
  if number == 0 then return { "OK" } end
  if lock.owner == process and lock.number == number and lock.expires > now then return granted(lock) end
  return { "ENDED" }
end
local is_held = lock.expires > now
if number > 0 and has_ended(lock, process, number) then return { "ENDED" } end
if number == 0 and not is_held then return { "FREE" } end
if expected > 0 and (not is_held or lock.token ~= expected) then
  return { "CHANGED", now, lock.owner, lock.token, lock.since, math.max(0, lock.expires - now), lock.notes }
end
local refusal, left = refuse_grant(generation, not_before)
if number > 0 and left then return { "GUARDED", left } end
if number > 0 and refusal then return refusal end
local victim, of_victim = lock.owner, lock.number
lock.forced = string.format("%s|%s|%.0f|%s|%s", operation, victim, of_victim, number > 0 and "stolen" or "forced", why)
if is_held and victim ~= "" then mark_ended(lock, victim, of_victim) end
lock.owner, lock.expires = "", 0
remove_waiter(lock, process, number)
if number > 0 then grant(lock, process, number, lease, notes) end
if number == 0 and not refusal then promote(key, lock, "", mail, counted) end
write_lock(key, lock)
if is_held and victim ~= "" then redis.call("PUBLISH", mail .. victim, "locks|lost|||" .. key .. "\n" .. lock.forced) end
if number > 0 then return granted(lock) end
return { "OK" }
