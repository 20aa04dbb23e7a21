--- @fragment
--- Leases of sessions. Needs `reservation.lua`.

-- What the lease kept that has run out must be ended first: it would come back to life with its session.
local function has_lapsed(name)
  return lease_of(name) > 0 and lease_of(name) <= now
end

local function beat(name, milliseconds)
  redis.call("ZADD", due, string.format("%.0f", math.max(lease_of(name), now + milliseconds)), "s\0" .. name)
end
