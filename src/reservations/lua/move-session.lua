--- Gives all that a session has to the session that follows it.
-- @key records - hash: item to reservation; `` the last token, `e\0<token>` how one ended, `a\0<operation>` its answer
-- @key due - zset of milliseconds: `s\0<session>` lease, `c\0<item>` cap, `e\0..` and `a\0..` when they are forgotten
-- @key index - zset of one score: `i\0<item>`, `o\0<owner>\0<item>`, `s\0<session>\0<item>`
-- @key log - stream of the feed
-- @arg from - public name
-- @arg session - public name of the one that follows
-- @arg lease - milliseconds
-- @arg channel - of the log's hints
-- @arg origin - id of the instance
-- @arg operation - another one for each call
-- @op the answer of an operation is among the records for ten seconds
-- @returns DONE moved:text
-- @returns LAPSED members:text
-- @include now.lua
-- @include append.lua
local records, due, index, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local from, session, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local channel, origin, operation = ARGV[4], ARGV[5], ARGV[6]
-- @include reservation.lua
-- @include changes.lua
-- @include answers.lua
-- @include kept-by.lua
-- @include lease.lua
if answered then return answered end
-- First a write that a full server allows: the rest of the script then passes.
redis.call("PERSIST", due)
redis.call("HSETNX", records, "", "0")

if from == session or lease_of(from) <= now then return answer("DONE", "0") end
if has_lapsed(session) then return { "LAPSED", cjson.encode({ "s\0" .. session }) } end
beat(session, lease)
local moved = kept_by("s", from)
for _, held in ipairs(moved) do
  redis.call("ZREM", index, "s\0" .. from .. "\0" .. held.item)
  held.session = session
  put(held)
  tell("moved", read(held.item), operation, "")
end
redis.call("ZREM", due, "s\0" .. from)
return answer("DONE", tostring(#moved))
