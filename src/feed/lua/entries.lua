--- @fragment
--- Entries of a stream and their positions, `<milliseconds>-<sequence>`.

local function field_of(entry, name)
  for field = 1, #entry[2], 2 do
    if entry[2][field] == name then return entry[2][field + 1] end
  end
  return ""
end

-- Who appended an entry, and which of theirs it is. What another program writes there may be no text at all, and would
-- come back as something else: then it is as good as missing.
local function name_of(entry, name)
  local value = field_of(entry, name)
  return string.find(value, "[^!-~]") and "" or value
end

-- A list of `[position, o, n, p]` in JSON.
local function encode(entries)
  if not entries[1] then return "[]" end
  local list = {}
  for at = 1, #entries do
    local entry = entries[at]
    list[at] = { entry[1], name_of(entry, "o"), name_of(entry, "n"), field_of(entry, "p") }
  end
  return cjson.encode(list)
end

-- Both parts have up to 64 bits, which no number here has: they are compared as texts, the longer being the larger.
local function is_before(one, other)
  local milliseconds, sequence = string.match(one, "^(%d+)-(%d+)$")
  local other_milliseconds, other_sequence = string.match(other, "^(%d+)-(%d+)$")
  if milliseconds == other_milliseconds then milliseconds, other_milliseconds = sequence, other_sequence end
  if #milliseconds ~= #other_milliseconds then return #milliseconds < #other_milliseconds end
  return milliseconds < other_milliseconds
end

-- The first position of the next millisecond.
local function after(position)
  local kept, digit, nines = string.match(position, "^(%d-)([0-8]?)(9*)%-")
  return kept .. (digit == "" and 1 or digit + 1) .. string.rep("0", #nines) .. "-0"
end
