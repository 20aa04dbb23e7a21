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
-- @returns GENERATION found:text
-- @returns UNTOLD
-- @returns CORRUPT
-- @include now.lua
-- @include token.lua
-- @include guard.lua
-- @include record.lua
-- @include grant.lua
-- @include granted.lua
-- @include queue.lua
-- @include force.lua
local key = KEYS[1]
local operation, why, expected, process, number = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local lease, notes, generation, not_before = tonumber(ARGV[6]), ARGV[7], ARGV[8], tonumber(ARGV[9])
local mail, counted = ARGV[10], ARGV[11]
local lock = read_lock(redis.call("GET", key))
if not lock then return { "CORRUPT" } end
local is_held, is_steal = lock.expires > now, number > 0
local again = is_steal and answer_again(lock, operation, process, number)
if again then return again end
if not is_steal and is_repeat(lock, operation) then return { "OK" } end
if not is_steal and not is_held then return { "FREE" } end
if expected > 0 and (not is_held or lock.token ~= expected) then
  return { "CHANGED", now, lock.owner, lock.token, lock.since, math.max(0, lock.expires - now), lock.notes }
end
local refusal, left = refuse_grant(generation, not_before)
if refusal and (is_steal or refusal[1]) then return left and { "GUARDED", left } or refusal end
-- First a write that a full server allows: the rest of the script then passes.
redis.call("PEXPIRE", key, "90000")
local victim = take_back(lock, operation, is_steal and "stolen" or "forced", why)
if is_steal then
  local from = place_of(lock, process)
  if from then replace_line(lock, from, "") end
  grant(lock, process, number, lease, notes)
elseif not refusal then
  promote(key, lock, "", mail, counted)
end
write_lock(key, lock)
if victim ~= "" then redis.call("PUBLISH", mail .. victim, letter_of_loss(key, lock)) end
return is_steal and granted(lock) or { "OK" }
