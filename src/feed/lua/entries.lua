--- @fragment
--- Entries of a stream and their positions, `<milliseconds>-<sequence>`.

local function field_of(entry, name)
  for field = 1, #entry[2], 2 do
    if entry[2][field] == name then return entry[2][field + 1] end
  end
  return ""
end

-- Positions compare by milliseconds, then by sequence.
local function parts(id)
  local milliseconds, sequence = string.match(id, "^(%d+)-(%d+)$")
  return tonumber(milliseconds), tonumber(sequence)
end

local function is_before(one, other)
  local one_milliseconds, one_sequence = parts(one)
  local other_milliseconds, other_sequence = parts(other)
  if one_milliseconds ~= other_milliseconds then return one_milliseconds < other_milliseconds end
  return one_sequence < other_sequence
end
