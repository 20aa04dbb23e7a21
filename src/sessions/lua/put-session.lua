--- Creates a session, or replaces it whole and keeps its creation and its absolute end.
-- @key session - string: the session's text, or the tombstone of one that was destroyed; expires with it
-- @arg token - base64url of the SHA-256 of the identifier
-- @arg idle - milliseconds
-- @arg absolute - milliseconds from now until the session ends whatever is done, 0 for never
-- @arg cookie - base64url of the cookie's attributes
-- @arg payload - JSON of the session's fields
-- @arg process - who writes
-- @arg sequence - the number of this write among those of the process
-- @op process and sequence are among the writers in the session or in its tombstone
-- @returns OK version:integer created:integer
-- @returns GONE
-- @returns SUPERSEDED
-- @include now.lua
-- @include token.lua
-- @include record.lua
local session = KEYS[1]
local token, idle, absolute, cookie = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local payload, process, sequence = ARGV[5], ARGV[6], ARGV[7]

local stored = read_record(redis.call("GET", session))
local made, later, others = read_writers(stored.writers, process, sequence)
if stored.live then
  if made then return { "OK", made, tonumber(stored.created) } end
  if later then return { "SUPERSEDED" } end
elseif made or later then
  return { "GONE" }
end

-- Also above a session whose absolute end has passed: its version, too, must never come back.
local version, created, absolute_at = next_token(tonumber(stored.version or 0)), now, 0
if absolute > 0 then absolute_at = now + absolute end
if stored.live and time_to_live(idle, tonumber(stored.absolute_at)) > 0 then
  created, absolute_at = tonumber(stored.created), tonumber(stored.absolute_at)
end
local text = format_record({
  version = version, created = created, idle = idle, absolute_at = absolute_at,
  token = token, previous_token = "", previous_until = "0", cookie = cookie,
  writers = with_writer(others, process, sequence, version), payload = payload,
})
redis.call("SET", session, text, "PX", string.format("%.0f", time_to_live(idle, absolute_at)))
return { "OK", version, created }
