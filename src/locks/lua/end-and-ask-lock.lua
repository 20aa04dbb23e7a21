--- Ends a request, whether it holds the lock or waits for it, and asks anew behind all who wait.
-- @key key - string: who has it, which tokens were given, who waits; stays a minute after its end
-- @arg process - id of the instance
-- @arg number - of the request that ends
-- @arg nextNumber - of the request that follows
-- @arg lease - milliseconds
-- @arg patience - milliseconds for which the caller keeps its place without asking again; 0 does not wait
-- @arg notes - JSON on the holder, one line
-- @arg generation - replication id of the server as the caller knows it; empty does not mind
-- @arg notBefore - milliseconds of the server's clock before which nothing is granted
-- @arg mail - what the channels of the instances begin with
-- @arg counted - 1 where PUBLISH answers how many hear it, 0 on a cluster
-- @op process and number have ended; the next holds the lock, waits for it, or has ended
-- @returns GRANTED token:integer last:integer now:integer lease:integer
-- @returns WAIT at:integer left:integer now:integer guarded:integer owner:text token:integer since:integer notes:text
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
-- @include ask.lua
-- @include end.lua
local key = KEYS[1]
local process, number, next_number, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local patience, notes, generation, not_before = tonumber(ARGV[5]), ARGV[6], ARGV[7], tonumber(ARGV[8])
local mail, counted = ARGV[9], ARGV[10]

local lock = read_lock(redis.call("GET", key))
if not lock then return { "CORRUPT" } end
-- First a write that a full server allows: the rest of the script then passes.
redis.call("PEXPIRE", key, "90000")
end_request(lock, process, number, 0)
local request = { process = process, number = next_number, lease = lease, patience = patience, notes = notes }
local server = { generation = generation, not_before = not_before, mail = mail, counted = counted }
local reply = ask(key, lock, request, server)
write_lock(key, lock)
return reply
