--- Reads those of some items that are reserved.
-- @readonly
-- @key records - hash: item to reservation
-- @key due - zset of milliseconds: `s\0<session>` lease
-- @arg items - between NULs
-- @returns OK reservations:text
-- @include now.lua
local records, due = KEYS[1], KEYS[2]
local items = ARGV[1]
-- @include reservation.lua

local found = {}
for item in string.gmatch(items, "[^%z]+") do
  local _, held = read(item)
  if held then found[#found + 1] = describe(held) end
end
return { "OK", "[" .. table.concat(found, ",") .. "]" }
