--- Ends a reservation whoever has it.
-- @key records - hash: item to reservation; `` the last token, `e\0<token>` how one ended, `a\0<operation>` its answer
-- @key due - zset of milliseconds: `s\0<session>` lease, `c\0<item>` cap, `e\0..` and `a\0..` when they are forgotten
-- @key index - zset of one score: `i\0<item>`, `o\0<owner>\0<item>`, `s\0<session>\0<item>`
-- @key log - stream of the feed
-- @arg item - what is reserved
-- @arg expected - only the one with that token, 0 for any
-- @arg by - JSON to be told with it, after a comma
-- @arg channel - of the log's hints
-- @arg origin - id of the instance
-- @arg operation - another one for each call
-- @op the answer of an operation is among the records for ten seconds
-- @returns FORCED previous:text
-- @returns FREE nothing:text
-- @returns CHANGED holder:text
-- @include now.lua
-- @include append.lua
local records, due, index, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local item, expected, by = ARGV[1], ARGV[2], ARGV[3]
local channel, origin, operation = ARGV[4], ARGV[5], ARGV[6]
-- @include reservation.lua
-- @include changes.lua
-- @include answers.lua
if answered then return answered end
-- First a write that a full server allows: the rest of the script then passes.
redis.call("PERSIST", due)
redis.call("HSETNX", records, "", "0")

local _, held = read(item)
if not held then return answer("FREE", "") end
if expected ~= "0" and held.token ~= expected then return answer("CHANGED", describe(held)) end
drop(held, "forced", by)
tell("forced", held, operation, by)
return answer("FORCED", describe(held))
