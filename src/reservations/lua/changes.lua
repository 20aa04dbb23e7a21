--- @fragment
--- Changes of reservations, each told in the log by the step that makes it. Needs `append.lua`, `reservation.lua`,
--- `index` and `log`, and `channel` and `origin` for the log.

-- `source` and the token make the entry's operation: nothing changes a reservation twice. `more` is JSON.
local function tell(change, held, source, more)
  append(log, channel, "log", origin, source .. "." .. held.token, '{"kind":"' .. change .. '","item":'
    .. cjson.encode(held.item) .. ',"reservation":' .. describe(held) .. more .. "}")
end

local function put(held)
  local packed = table.concat({ held.since, held.cap, held.token, held.owner, held.session }, " ")
  redis.call("HSET", records, held.item, packed .. "\0" .. held.rest)
  redis.call("ZADD", index, "0", "", "0", "i\0" .. held.item, "0", "o\0" .. held.owner .. "\0" .. held.item,
    "0", "s\0" .. held.session .. "\0" .. held.item)
  if held.cap ~= "0" then redis.call("ZADD", due, held.cap, "c\0" .. held.item) end
end

-- Removes a reservation, and remembers for ten minutes how it ended. First a write that a full server allows.
local function drop(held, how, more)
  local name, ended = held.item, "e\0" .. held.token
  redis.call("HDEL", records, name)
  redis.call("ZREM", index, "i\0" .. name, "o\0" .. held.owner .. "\0" .. name, "s\0" .. held.session .. "\0" .. name)
  redis.call("ZREM", due, "c\0" .. name)
  redis.call("HSET", records, ended, '{"item":' .. cjson.encode(name) .. ',"how":"' .. how .. '"' .. more .. "}")
  redis.call("ZADD", due, string.format("%.0f", now + 600000), ended)
end
