--- Takes an item from whoever has it.
-- @key records - hash: item to reservation; `` the last token, `e\0<token>` how one ended, `a\0<operation>` its answer
-- @key due - zset of milliseconds: `s\0<session>` lease, `c\0<item>` cap, `e\0..` and `a\0..` when they are forgotten
-- @key index - zset of one score: `i\0<item>`, `o\0<owner>\0<item>`, `s\0<session>\0<item>`
-- @key log - stream of the feed
-- @arg item - what is taken
-- @arg expected - only from the holder with that token, 0 for any
-- @arg owner - encoded
-- @arg session - public name
-- @arg rest - JSON of the owner and of what no script reads, without the opening brace
-- @arg by - JSON to be told with what is taken, after a comma
-- @arg lease - milliseconds
-- @arg cap - milliseconds, 0 for no limit
-- @arg channel - of the log's hints
-- @arg origin - id of the instance
-- @arg operation - another one for each call
-- @op the answer of an operation is among the records for ten seconds
-- @returns STOLEN reservations:text
-- @returns FREE nothing:text
-- @returns CHANGED holder:text
-- @returns LAPSED members:text
-- @include now.lua
-- @include token.lua
-- @include append.lua
local records, due, index, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local item, expected = ARGV[1], ARGV[2]
local owner, session, rest, by, lease, cap = ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local channel, origin, operation = ARGV[9], ARGV[10], ARGV[11]
-- @include reservation.lua
-- @include changes.lua
-- @include answers.lua
-- @include lease.lua
-- @include grant.lua
if answered then return answered end
-- First a write that a full server refuses.
redis.call("HSETNX", records, "", "0")

local _, held = read(item)
if not held then return answer("FREE", "") end
if expected ~= "0" and held.token ~= expected then return answer("CHANGED", describe(held)) end
if has_lapsed(session) then return { "LAPSED", cjson.encode({ "s\0" .. session }) } end
beat(session, lease)
local previous = describe(held)
return answer("STOLEN", "[" .. grant(item, held) .. "," .. previous .. "]")
