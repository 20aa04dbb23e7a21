--- Ends reservations of a session.
-- @key records - hash: item to reservation; `` the last token, `e\0<token>` how one ended, `a\0<operation>` its answer
-- @key due - zset of milliseconds: `s\0<session>` lease, `c\0<item>` cap, `e\0..` and `a\0..` when they are forgotten
-- @key index - zset of one score: `i\0<item>`, `o\0<owner>\0<item>`, `s\0<session>\0<item>`
-- @key log - stream of the feed
-- @arg items - item, NUL, the token that it must have or 0, NUL, and so on
-- @arg session - public name
-- @arg channel - of the log's hints
-- @arg origin - id of the instance
-- @arg operation - another one for each call
-- @op the answer of an operation is among the records for ten seconds
-- @returns DONE outcomes:text
-- @include now.lua
-- @include append.lua
local records, due, index, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local items, session = ARGV[1], ARGV[2]
local channel, origin, operation = ARGV[3], ARGV[4], ARGV[5]
-- @include reservation.lua
-- @include changes.lua
-- @include answers.lua
if answered then return answered end
-- First a write that a full server allows: the rest of the script then passes.
redis.call("PERSIST", due)
redis.call("HSETNX", records, "", "0")

local outcomes = {}
for item, token in string.gmatch(items, "([^%z]+)%z(%d+)%z") do
  local _, held = read(item)
  if not held then
    outcomes[#outcomes + 1] = '["free",' .. cjson.encode(item) .. "]"
  elseif held.session ~= session or token ~= "0" and held.token ~= token then
    outcomes[#outcomes + 1] = '["other",' .. describe(held) .. "]"
  else
    drop(held, "released", "")
    tell("released", held, operation, "")
    outcomes[#outcomes + 1] = '["released",' .. cjson.encode(item) .. "]"
  end
end
return answer("DONE", "[" .. table.concat(outcomes, ",") .. "]")
