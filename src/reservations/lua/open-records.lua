--- Makes the hash of a registry, which then is never empty.
-- @key records - hash: item to reservation; `` the last token
-- @op it is made once
-- @returns OK
local records = KEYS[1]

-- First a write that a full server allows: the rest of the script then passes.
redis.call("PERSIST", records)
redis.call("HSETNX", records, "", "0")
return { "OK" }
