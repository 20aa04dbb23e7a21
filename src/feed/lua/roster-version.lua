--- @fragment
--- By which instances notice that the roster has changed. Needs `now.lua` before it.

local function version_of(roster)
  return tonumber(redis.call("HGET", roster, "v")) or 0
end

-- A time, so that no other change gets the version of one that a failover lost.
local function next_version(roster)
  local version = math.max(version_of(roster) + 1, now)
  redis.call("HSET", roster, "v", string.format("%.0f", version))
  return version
end
