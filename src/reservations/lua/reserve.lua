--- Reserves items for a session; what it has already keeps its token.
-- @key records - hash: item to reservation; `` the last token, `e\0<token>` how one ended, `a\0<operation>` its answer
-- @key due - zset of milliseconds: `s\0<session>` lease, `c\0<item>` cap, `e\0..` and `a\0..` when they are forgotten
-- @key index - zset of one score: `i\0<item>`, `o\0<owner>\0<item>`, `s\0<session>\0<item>`
-- @key log - stream of the feed
-- @arg items - between NULs
-- @arg all - 1: all of them or none
-- @arg takeOver - 1: what the owner has in another session is taken from there
-- @arg quota - how many the owner may have, 0 for no limit
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
-- @returns DONE outcomes:text
-- @returns BUSY holders:text
-- @returns QUOTA held:text
-- @returns LAPSED members:text
-- @include now.lua
-- @include token.lua
-- @include append.lua
local records, due, index, log = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local items, all, take_over, quota = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local owner, session, rest, by, lease, cap = ARGV[5], ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local channel, origin, operation = ARGV[11], ARGV[12], ARGV[13]
-- @include reservation.lua
-- @include changes.lua
-- @include answers.lua
-- @include lease.lua
-- @include grant.lua
-- @include wanted.lua
if answered then return answered end
-- First a write that a full server refuses.
redis.call("HSETNX", records, "", "0")

local wanted, holders, lapsed, free = look_at(items)
if has_lapsed(session) then lapsed[#lapsed + 1] = "s\0" .. session end
if lapsed[1] then return { "LAPSED", cjson.encode(lapsed) } end
if holders[1] and all == "1" then return answer("BUSY", "[" .. table.concat(holders, ",") .. "]") end
if quota > 0 and free > 0 then
  local is_above, count = exceeds_quota(free)
  if is_above then return answer("QUOTA", tostring(count)) end
end

beat(session, lease)
for at, want in ipairs(wanted) do
  local status = want.is_taken and "busy" or want.held and want.held.session == session and "refreshed" or "reserved"
  local text = status == "reserved" and grant(want.item, want.held) or describe(read(want.item))
  wanted[at] = '["' .. status .. '",' .. text .. "]"
end
return answer("DONE", "[" .. table.concat(wanted, ",") .. "]")
