--- @fragment
--- The short way to take a lock. Most are taken and given back by one process again and again, with nobody waiting:
--- to see just that takes half the time of reading all that a lock holds. Needs `token.lua` and `guard.lua`.

-- Grants a lock that was never used, or that was given back by the same process, and by nobody else lately, before this
-- request; nil for any other, or when the server may not grant.
local function take_free(stored, process, number, lease, notes, generation, not_before)
  local last, ended, ender, ended_number, forced = 0, "", process, -1, ""
  if stored then
    last, ended, ender, ended_number, forced =
      string.match(stored, "^0|(%d+)|(([^:|\n]+):(%d+):%d+,)\n([^\n]*)$")
  end
  if not last or ender ~= process or tonumber(ended_number) >= number then return nil end
  if refuse_grant(generation, not_before) then return nil end
  local token = next_token(tonumber(last))
  local text = string.format("1|%s|%.0f|%.0f|%.0f|%.0f|%.0f|%s\n%s\n%s\n", process, number, token, token + 15,
    now + lease, now, ended, notes, forced)
  return text, { "GRANTED", token, token + 15, now, lease }
end
