--- Ends a request, whether it holds the lock or waits for it, and hands the lock over.
-- @key key - string: who has it, which tokens were given, who waits; stays a minute after its end
-- @arg process - id of the instance
-- @arg number - of the request that ends
-- @arg keep - milliseconds for which nobody gets the lock all the same
-- @arg generation - replication id of the server as the caller knows it; empty does not mind
-- @arg notBefore - milliseconds of the server's clock before which nothing is granted
-- @arg mail - what the channels of the instances begin with
-- @arg counted - 1 where PUBLISH answers how many hear it, 0 on a cluster
-- @op process and number have ended
-- @returns OK
-- @returns GONE
-- @returns GENERATION found:text
-- @returns UNTOLD
-- @returns CORRUPT
-- @include now.lua
-- @include given-back.lua
local key = KEYS[1]
local process, number, keep, generation, not_before = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local mail, counted = ARGV[6], ARGV[7]

local stored = redis.call("GET", key)
local given = keep == "0" and give_back(stored, process, number)
-- Where it is refused, a write that a full server allows comes first below: the next then passes.
if given and redis.pcall("SET", key, given, "PX", "60000").ok then return { "OK" } end
-- @include token.lua
-- @include guard.lua
-- @include record.lua
-- @include grant.lua
-- @include queue.lua
-- @include end.lua
local lock = read_lock(stored)
if not lock then return { "CORRUPT" } end
redis.call("PEXPIRE", key, "90000")
local was_there = end_request(lock, process, tonumber(number), tonumber(keep))
if lock.waiters ~= "" and lock.expires <= now then
  local refusal = refuse_grant(generation, tonumber(not_before))
  -- The caller comes again, and is then told whether it had the lock.
  if refusal and refusal[1] then return refusal end
  if not refusal then promote(key, lock, "", mail, counted) end
end
write_lock(key, lock)
if was_there then return { "OK" } end
return { "GONE" }
