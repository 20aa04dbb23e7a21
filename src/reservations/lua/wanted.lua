--- @fragment
--- What a session can have of what it wants to reserve. Needs `reservation.lua`, `index`, and the arguments of its
--- script.

-- The items one by one, descriptions of what others have, what must be reaped first, and how many are free.
local function look_at(names)
  local wanted, holders, lapsed, free = {}, {}, {}, 0
  for name in string.gmatch(names, "[^%z]+") do
    local held, living = read(name)
    local is_taken = held and held.session ~= session and not (take_over == "1" and held.owner == owner)
    if held and not living then lapsed[#lapsed + 1] = "c\0" .. name end
    if is_taken then holders[#holders + 1] = describe(held) end
    if not held then free = free + 1 end
    wanted[#wanted + 1] = { item = name, held = held, is_taken = is_taken }
  end
  return wanted, holders, lapsed, free
end

-- Whether the owner would have more than the quota, and how many it has. Only where it may be so each is looked at: one
-- that has ended, and is not reaped yet, does not count.
local function exceeds_quota(free)
  local members = redis.call("ZRANGEBYLEX", index, "[o\0" .. owner .. "\0", "(o\0" .. owner .. "\1")
  local count = 0
  if #members + free <= quota then return false end
  for _, member in ipairs(members) do
    local _, living = read(string.sub(member, #owner + 4))
    if living and living.owner == owner then count = count + 1 end
  end
  return count + free > quota, count
end
