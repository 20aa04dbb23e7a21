--- @fragment
--- Whether this server may grant anything now: it is the one that the caller knows, and for long enough.
--- Needs `now.lua`.

-- Nil when it may, otherwise the reply in its place: the server is another one than the caller knows, who has to look
-- anew, it tells scripts nothing of its history, or it lacks replicas. With a number it may in so many milliseconds. An
-- empty generation is a caller that cannot know it, or does not mind what a failover lost.
local function refuse_grant(generation, not_before)
  if generation == "" then return nil end
  local info = redis.pcall("INFO", "replication")
  if type(info) ~= "string" then return { "UNTOLD" } end
  if not string.find(info, "master_replid:" .. generation, 1, true) then
    local found = string.match(info, "master_replid:(%w+)")
    return found and { "GENERATION", found } or { "UNTOLD" }
  end
  -- Servers before 6.2 do not heed `min-replicas-to-write` in scripts.
  if string.find(info, "min_slaves_good_slaves:0", 1, true) then
    return redis.error_reply("NOREPLICAS Not enough good replicas to write.")
  end
  if now < not_before then return {}, not_before - now end
  return nil
end
