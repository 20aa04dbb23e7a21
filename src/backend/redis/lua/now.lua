--- @fragment
--- The server's time in milliseconds, read once, so that a script decides everything at one moment.
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
