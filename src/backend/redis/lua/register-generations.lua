--- Notes since when the histories of writes of some servers are seen, and answers it.
-- @key seen - hash: replication id to `<first seen, milliseconds of its server> <run id of its server>`
-- @arg servers - for each: `<replication id>,<1 if promoted, else 0>,<run id>,<its time>,<its start>;`, in milliseconds
-- @op a replication id that is noted keeps its note
-- @returns OK since:text
local seen = KEYS[1]
local servers = ARGV[1]

local noted = redis.call("HGETALL", seen)
local since, of_run, kept = {}, {}, 0
for at = 1, #noted, 2 do
  local first, run = string.match(noted[at + 1], "^(%d+) (%w+)$")
  if first then
    since[noted[at]] = first
    -- A server that lived through several histories: the latest counts.
    if not of_run[run] or tonumber(first) > tonumber(of_run[run]) then of_run[run] = first end
    kept = kept + 1
  end
end

local answer, named = "", {}
for replid, second, run, now, started in string.gmatch(servers, "(%w+),([01]),(%w+),(%d+),(%d+);") do
  if not since[replid] then
    local first = now
    -- Without a second id no replica was promoted: either this server dropped its backlog after its last replica left,
    -- and its history goes on; or nobody has noted anything yet, and nothing was lost since it started.
    if second == "0" then first = of_run[run] or (#noted == 0 and started) or now end
    since[replid] = first
    redis.call("HSET", seen, replid, first .. " " .. run)
    kept = kept + 1
  end
  named[replid] = true
  answer = answer .. replid .. ":" .. since[replid] .. ";"
end

-- Years of failovers leave many; what is forgotten costs one wait at most.
if kept > 256 then
  for at = 1, #noted, 2 do
    if not named[noted[at]] then redis.call("HDEL", seen, noted[at]) end
  end
end
return { "OK", answer }
