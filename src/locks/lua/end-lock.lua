--- Ends a request, whether it holds the lock or waits for it, hands the lock over, and may ask anew in the same step.
-- @key key - string: who has it, which tokens were given, who waits; stays a minute after its end
-- @arg process - id of the instance
-- @arg number - of the request that ends
-- @arg keep - milliseconds for which nobody gets the lock all the same
-- @arg nextNumber - number of the request that follows, 0 for none; then the rest counts
-- @arg lease - milliseconds
-- @arg patience - milliseconds for which the caller keeps its place without asking again
-- @arg notes - JSON on the holder, one line
-- @arg generation - replication id of the server as the caller knows it; empty does not mind
-- @arg notBefore - milliseconds of the server's clock before which nothing is granted
-- @arg mail - what the channels of the instances begin with
-- @arg counted - 1 where PUBLISH answers how many hear it, 0 on a cluster
-- @op process and number have ended; the next holds the lock, waits for it, or has ended
-- @returns OK
-- @returns GONE
-- @returns GRANTED token:integer last:integer now:integer lease:integer
-- @returns WAIT at:integer left:integer now:integer guarded:integer owner:text token:integer since:integer notes:text
-- @returns ENDED
-- @returns GENERATION found:text
-- @returns UNTOLD
-- @returns CORRUPT
-- @include now.lua
-- @include given-back.lua
local key = KEYS[1]
local process, number, keep, next_number = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lease, patience, notes = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local generation, not_before, mail, counted = ARGV[8], tonumber(ARGV[9]), ARGV[10], ARGV[11]

local stored = redis.call("GET", key)
local given = keep == 0 and next_number == 0 and give_back(stored, process, number)
-- Where it is refused, a write that a full server allows comes first below: the next then passes.
if given and redis.pcall("SET", key, given, "PX", "60000").ok then return { "OK" } end
-- @include token.lua
-- @include guard.lua
-- @include record.lua
-- @include grant.lua
-- @include queue.lua
-- @include ask.lua
-- @include end.lua
local lock = read_lock(stored)
if not lock then return { "CORRUPT" } end
redis.call("PEXPIRE", key, "90000")
local reply = end_request(lock, process, number, keep)
if next_number > 0 then
  local request = { process = process, number = next_number, lease = lease, patience = patience, notes = notes }
  local server = { generation = generation, not_before = not_before, mail = mail, counted = counted }
  reply = ask(key, lock, request, server)
elseif lock.waiters ~= "" and lock.expires <= now then
  local refusal = refuse_grant(generation, not_before)
  -- The caller comes again, and is then told whether it had the lock.
  if refusal and refusal[1] then return refusal end
  if not refusal then promote(key, lock, "", mail, counted) end
end
write_lock(key, lock)
return reply
