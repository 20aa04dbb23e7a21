--- @fragment
--- Reservations as they are stored. Needs `now.lua`, and the keys `records` and `due` by these names, before it.
--- `<since> <when the cap ends it, 0 for never> <token> <owner> <session>`, NUL, and JSON of the rest.

local function lease_of(name)
  return tonumber(redis.call("ZSCORE", due, "s\0" .. name)) or 0
end

-- The reservation of an item, and again if it lives; nil where there is none, or what no version of ours wrote.
local function read(name)
  local held = { item = name }
  held.since, held.cap, held.token, held.owner, held.session, held.rest =
    string.match(redis.call("HGET", records, name) or "", "^(%d+) (%d+) (%d+) (%S+) ([^%z]+)%z(.+)$")
  if not held.since or not pcall(cjson.decode, "{" .. held.rest) then return nil end
  held.ends = lease_of(held.session)
  if held.cap ~= "0" then held.ends = math.min(held.ends, tonumber(held.cap)) end
  return held, held.ends > now and held or nil
end

-- JSON, by hand around the numbers: cjson writes 14 digits of one, and a token has 16.
local function describe(held)
  return '{"item":' .. cjson.encode(held.item) .. ',"session":' .. cjson.encode(held.session) .. ',"since":'
    .. held.since .. ',"until":' .. string.format("%.0f", held.ends) .. ',"token":' .. held.token .. "," .. held.rest
end
