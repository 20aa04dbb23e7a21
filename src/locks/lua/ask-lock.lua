--- Asks for a lock, or asks again: grants it, or says what stands in the way and keeps the caller's place if it waits.
-- @key key - string: who has it, which tokens were given, who waits; stays a minute after its end
-- @arg process - id of the instance that asks
-- @arg number - of the request; a process gives each request a higher one, and the newer ends the older
-- @arg lease - milliseconds
-- @arg patience - milliseconds for which the caller keeps its place without asking again; 0 does not wait
-- @arg notes - JSON on the holder, one line
-- @arg generation - replication id of the server as the caller knows it; empty does not mind
-- @arg notBefore - milliseconds of the server's clock before which nothing is granted
-- @arg mail - what the channels of the instances begin with
-- @arg counted - 1 where PUBLISH answers how many hear it, 0 on a cluster
-- @op process and number hold the lock, wait for it, or have ended
-- @returns GRANTED token:integer last:integer now:integer lease:integer
-- @returns WAIT at:integer left:integer now:integer guarded:integer owner:text token:integer since:integer notes:text
-- @returns ENDED
-- @returns GENERATION found:text
-- @returns UNTOLD
-- @returns CORRUPT
-- @include now.lua
-- @include guard.lua
-- @include free-lock.lua
local key = KEYS[1]
local process, number, lease, patience, notes = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local generation, not_before = ARGV[6], tonumber(ARGV[7])
local mail, counted = ARGV[8], ARGV[9]

local stored = redis.call("GET", key)
local taken, answer = take_free(stored, process, number, lease, notes, generation, not_before)
if taken then
  redis.call("SET", key, taken, "PX", "90000")
  return answer
end
-- @include token.lua
-- @include record.lua
-- @include grant.lua
-- @include granted.lua
-- @include queue.lua
-- @include ask.lua

local lock = read_lock(stored)
if not lock then return { "CORRUPT" } end
local request = { process = process, number = tonumber(number), lease = lease, notes = notes }
request.patience = tonumber(patience)
local server = { generation = generation, not_before = not_before, mail = mail, counted = counted }
local reply, changed = ask(key, lock, request, server)
if changed then write_lock(key, lock) end
return reply
