--- @fragment
--- Gives an item to a session, and takes it from `previous`. Needs `token.lua`, `changes.lua`, and the arguments that
--- the scripts which grant have in common.

-- One row of tokens for a registry: no two of its reservations ever have the same.
local function grant(name, previous)
  local next = string.format("%.0f", next_token(tonumber(redis.call("HGET", records, "")) or 0))
  redis.call("HSET", records, "", next)
  local taken = ""
  if previous then
    drop(previous, "stolen", by)
    taken = by .. ',"previous":' .. describe(previous)
  end
  local since, ends = string.format("%.0f", now), cap > 0 and string.format("%.0f", now + cap) or "0"
  put({ item = name, since = since, cap = ends, token = next, owner = owner, session = session, rest = rest })
  local granted = read(name)
  tell(previous and "stolen" or "reserved", granted, operation, taken)
  return describe(granted)
end
