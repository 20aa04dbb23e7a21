--- Reads a page of what is reserved, in the order of the items.
-- @readonly
-- @key records - hash: item to reservation
-- @key due - zset of milliseconds: `s\0<session>` lease
-- @key index - zset of one score: `i\0<item>`, `o\0<owner>\0<item>`, `s\0<session>\0<item>`
-- @arg prefix - of the members, with its last NUL
-- @arg after - the item before the page, empty for the first
-- @arg count - how many at most
-- @returns OK reservations:text next:text
-- @include now.lua
local records, due, index = KEYS[1], KEYS[2], KEYS[3]
local prefix, after, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
-- @include reservation.lua

local found, next_page = {}, ""
local last = "(" .. string.sub(prefix, 1, -2) .. "\1"
local members = redis.call("ZRANGEBYLEX", index, "(" .. prefix .. after, last, "LIMIT", "0", tostring(count + 1))
for at = 1, math.min(count, #members) do
  local item = string.sub(members[at], #prefix + 1)
  local _, held = read(item)
  -- A member whose record is damaged may lie about whose it is.
  local kind = string.sub(prefix, 1, 1)
  local own = held and { i = prefix, o = "o\0" .. held.owner .. "\0", s = "s\0" .. held.session .. "\0" }
  if held and own[kind] == prefix then found[#found + 1] = describe(held) end
  if #members > count then next_page = item end
end
return { "OK", "[" .. table.concat(found, ",") .. "]", next_page }
