--- Replaces what a session holds if nobody wrote since the base, and extends it to its idle time.
-- @key session - string: the session's text, or the tombstone of one that was destroyed; expires with it
-- @arg token - base64url of the SHA-256 of the identifier
-- @arg created - server time of the creation, from the base
-- @arg base - the version that was loaded
-- @arg idle - milliseconds
-- @arg cookie - base64url of the cookie's attributes, `=` keeps what is stored
-- @arg payload - JSON of the session's fields, `=` keeps what is stored
-- @arg process - who writes
-- @arg sequence - the number of this write among those of the process
-- @op process and sequence are among the session's writers
-- @returns OK version:integer
-- @returns CONFLICT stored:text
-- @returns GONE
-- @returns SUPERSEDED
-- @include now.lua
-- @include token.lua
-- @include record.lua
local session = KEYS[1]
local token, created, base, idle = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local cookie, payload, process, sequence = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local text = redis.call("GET", session)
local stored = read_record(text)
-- An update never creates, and another session under the same key is not the one that was loaded.
if not stored.live or stored.token ~= token or stored.created ~= created then return { "GONE" } end
local made, later, others = read_writers(stored.writers, process, sequence)
if made then return { "OK", made } end
if later then return { "SUPERSEDED" } end
if stored.version ~= base then return { "CONFLICT", text } end

local left = time_to_live(idle, tonumber(stored.absolute_at))
if left <= 0 then return { "GONE" } end
local version = next_token(tonumber(stored.version))
stored.version, stored.idle = version, idle
stored.writers = with_writer(others, process, sequence, version)
if cookie ~= "=" then stored.cookie = cookie end
if payload ~= "=" then stored.payload = payload end
redis.call("SET", session, format_record(stored), "PX", string.format("%.0f", left))
return { "OK", version }
