--- Ends all reservations of a session or of an owner.
-- @key records - hash: item to reservation; `` the last token, `e\0<token>` how one ended, `a\0<operation>` its answer
-- @key due - zset of milliseconds: `s\0<session>` lease, `c\0<item>` cap, `e\0..` and `a\0..` when they are forgotten
-- @key index - zset of one score: `i\0<item>`, `o\0<owner>\0<item>`, `s\0<session>\0<item>`
-- @key log - stream of the feed
-- @arg kind - s for a session, o for an owner
-- @arg id - of it
-- @arg channel - of the log's hints
-- @arg origin - id of the instance
-- @arg operation - another one for each call
-- @op the answer of an operation is among the records for ten seconds
-- @returns DONE items:text
-- @include now.lua
-- @include append.lua
local records, due, index, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local kind, id = ARGV[1], ARGV[2]
local channel, origin, operation = ARGV[3], ARGV[4], ARGV[5]
-- @include reservation.lua
-- @include changes.lua
-- @include answers.lua
-- @include kept-by.lua
if answered then return answered end
-- First a write that a full server allows: the rest of the script then passes.
redis.call("PERSIST", due)
redis.call("HSETNX", records, "", "0")

local items = {}
for _, held in ipairs(kept_by(kind, id)) do
  drop(held, "released", "")
  tell("released", held, operation, "")
  items[#items + 1] = cjson.encode(held.item)
end
return answer("DONE", "[" .. table.concat(items, ",") .. "]")
