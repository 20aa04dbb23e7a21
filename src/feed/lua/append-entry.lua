--- Appends one entry to a log and hints at it.
-- @key log - stream: o is the instance, n the operation, p the payload
-- @arg channel - of the hints
-- @arg name - what followers call the log
-- @arg origin - id of the instance
-- @arg operation - another one for each entry
-- @arg payload - text
-- @arg since - the end of the log as the caller knew it when it first sent this
-- @op operation is among the entries since then
-- @returns OK id:text
-- @returns UNKNOWN
-- @include append.lua
-- @include find-operation.lua
local log = KEYS[1]
local channel, name, origin, operation, payload, since = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local found = find_operation(log, since, operation)
-- Too much has happened since, or the end is lost: nobody can tell any more whether this is a resend.
if found == nil then return { "UNKNOWN" } end
if found then return { "OK", found } end
return { "OK", append(log, channel, name, origin, operation, payload) }
