--- Says whether a session has an item, and how the reservation of a token ended.
-- @readonly
-- @key records - hash: item to reservation; `e\0<token>` how one ended
-- @key due - zset of milliseconds: `s\0<session>` lease
-- @arg item - what is reserved
-- @arg session - public name, empty for any
-- @arg token - 0 for any
-- @returns HELD reservation:text last:text
-- @returns FREE reservation:text last:text
-- @returns OTHER reservation:text last:text
-- @include now.lua
local records, due = KEYS[1], KEYS[2]
local item, session, token = ARGV[1], ARGV[2], ARGV[3]
-- @include reservation.lua

local held, living = read(item)
local last = redis.call("HGET", records, "e\0" .. token) or ""
-- It has ended, though nobody has reaped it yet.
if held and not living then
  if held.token == token then last = '{"item":' .. cjson.encode(item) .. ',"how":"expired"}' end
  held = nil
end
if not held then return { "FREE", "", last } end
local is_asked = (session == "" or held.session == session) and (token == "0" or held.token == token)
if is_asked then return { "HELD", describe(held), "" } end
return { "OTHER", describe(held), last }
