--- @fragment
--- The short way to take a lock. Most are taken and given back by one process again and again, with nobody waiting:
--- to see just that takes half the time of reading all that a lock holds. Needs `now.lua` and `guard.lua`.

-- What is to be stored and the reply, where the lock was never used, or was given back by the same process, and by
-- nobody else lately, before this request; nil for any other, or when the server may not grant. The token is that of
-- `token.lua`, put together from the texts of TIME: to format numbers is most of what this costs.
local function take_free(stored, process, number, lease, notes, generation, not_before)
  local before, ended, ender, ended_number, forced = 0, "", process, -1, ""
  if stored then
    before, ended, ender, ended_number, forced =
      string.match(stored, "^0|(%d+)|(([^:|\n]+):(%d+):%d+,)\n([^\n]*)$")
  end
  if not before or ender ~= process or tonumber(ended_number) >= tonumber(number) then return nil end
  local micros = string.sub("00000" .. time[2], -6)
  local text = time[1] .. micros
  local token = tonumber(text)
  -- A clock that was set back: the long way counts on from the last token.
  if token <= before + 15 or refuse_grant(generation, not_before) then return nil end
  return "1|" .. process .. "|" .. number .. "|" .. text .. "|" .. text .. "|" .. string.format("%.0f", now + lease)
    .. "|" .. time[1] .. string.sub(micros, 1, 3) .. "|" .. ended .. "\n" .. notes .. "\n" .. forced .. "\n",
    { "GRANTED", token, token + 15, now, lease }
end
