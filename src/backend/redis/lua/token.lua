--- @fragment
--- Numbers that rise with every write, and that a server which lost the last writes does not give a second time.
--- Needs `now.lua` before it.

-- Microseconds are safe integers, of Lua and of JavaScript, until the year 2255. As a text: `%.0f`, not tostring.
local function next_token(last)
  return math.max(last + 1, tonumber(time[1]) * 1000000 + tonumber(time[2]))
end
