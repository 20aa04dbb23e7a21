--- Reads what follows the last entry that a follower applied, if that entry is still what it was.
-- @key log - stream: o is the instance, n the operation, p the payload
-- @arg last - position of the last applied entry; empty at the beginning
-- @arg origin - its o
-- @arg operation - its n
-- @arg count - how many entries at most, the last applied one included
-- @arg nonce - another one for each call, for an entry that has to be made
-- @op an entry that it makes is the end of the log for whoever asks next
-- @returns OK now:integer entries:text
-- @returns START now:integer entries:text
-- @returns CUT now:integer entries:text
-- @returns FORK now:integer entries:text
-- @include now.lua
-- @include entries.lua
local log = KEYS[1]
local last, origin, operation, count, nonce = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

-- A write, though it changes nothing: a primary that is cut off from its replicas, or from its cluster, refuses it,
-- and so proves nothing to anybody.
redis.call("PERSIST", log)

local function mark(position)
  return redis.call("XADD", log, position, "o", "#", "n", nonce, "p", "")
end

if last ~= "" then
  local entries = redis.call("XRANGE", log, last, "+", "COUNT", count)
  local first = entries[1]
  if first and first[1] == last and name_of(first, "o") == origin and name_of(first, "n") == operation then
    return { "OK", now, encode(entries) }
  end
end

local word = "START"
if last ~= "" then
  local oldest = redis.call("XRANGE", log, "-", "+", "COUNT", "1")[1]
  -- It was trimmed away behind a full log; or the log is not the one that was followed, and has lost what was appended.
  word = oldest and is_before(last, oldest[1]) and redis.call("XLEN", log) >= 10000 and "CUT" or "FORK"
end
local ended = redis.call("XREVRANGE", log, "+", "-", "COUNT", "1")[1]
local position = ended and ended[1]
-- A log is never empty: its last entry is what the next sync is checked against. And no later entry may get a position
-- that was given before: what was applied lies below the end, behind a fence where it does not.
if not position or last ~= "" and not is_before(last, position) then position = mark("*") end
if last ~= "" and not is_before(last, position) then mark(after(last)) end
return { word, now, encode(redis.call("XREVRANGE", log, "+", "-", "COUNT", "1")) }
