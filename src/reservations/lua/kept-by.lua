--- @fragment
--- What a session ("s") or an owner ("o") has that lives. Needs `reservation.lua` and `index`.
local function kept_by(letter, name)
  local prefix, list = letter .. "\0" .. name .. "\0", {}
  local members = redis.call("ZRANGEBYLEX", index, "[" .. prefix, "(" .. letter .. "\0" .. name .. "\1")
  for at = 1, #members do
    local _, held = read(string.sub(members[at], #prefix + 1))
    if held and (letter == "s" and held.session or held.owner) == name then list[#list + 1] = held end
  end
  return list
end
