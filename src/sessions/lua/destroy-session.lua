--- Ends a session and leaves a tombstone: a create that was sent earlier and arrives later does not bring it back.
-- @key session - string: the session's text, or the tombstone of one that was destroyed; expires with it
-- @arg token - base64url of the SHA-256 of the identifier
-- @arg process - who writes
-- @arg sequence - the number of this write among those of the process
-- @op process and sequence are among the writers in the session or in its tombstone
-- @returns OK
-- @returns GONE
-- @include now.lua
-- @include record.lua
local session = KEYS[1]
local token, process, sequence = ARGV[1], ARGV[2], ARGV[3]

local stored = read_record(redis.call("GET", session))
local made, later, others = read_writers(stored.writers, process, sequence)
if not made and not later then
  if stored.live and stored.token ~= token then return { "GONE" } end
  -- Version 0 tells a resend that there was nothing to end.
  made = stored.live and tonumber(stored.version) + 1 or 0
  -- First a write that a full server allows: the rest of the script then passes.
  redis.call("PEXPIRE", session, "10000")
  redis.call("SET", session, "0|" .. with_writer(others, process, sequence, made), "PX", "10000")
end
if made and made > 0 then return { "OK" } end
return { "GONE" }
