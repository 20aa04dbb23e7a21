--- @fragment
--- The text of a session, and of the tombstone that takes its place for ten seconds; `record.ts` has the same form.
--- Needs `now.lua` before it.

-- Without `live` it is a tombstone, nothing, or what no version of ours wrote: a script holds all three for no session.
local function read_record(text)
  local record = { live = true }
  record.version, record.created, record.idle, record.absolute_at, record.token, record.previous_token,
    record.previous_until, record.cookie, record.writers, record.payload = string.match(text or "",
    "^1|(%d+)|(%d+)|(%d+)|(%d+)|([%w_%-]+)|([%w_%-]*)|(%d+)|([%w_%-]+)|([%w_%-:,]*)\n(.*)$")
  if record.version then return record end
  return { writers = string.match(text or "", "^0|([%w_%-:,]*)$") or "" }
end

-- The version that this write made, if it is there; whether a later one of its process is; the others that count.
local function read_writers(writers, process, sequence)
  local made, later, others = nil, false, ""
  for name, number, version, at in string.gmatch(writers, "([%w_%-]+):(%d+):(%d+):(%d+)") do
    if name == process then
      if number == sequence then made = tonumber(version) end
      later = later or tonumber(number) > tonumber(sequence)
    elseif tonumber(at) > now - 10000 then
      others = table.concat({ others, ",", name, ":", number, ":", version, ":", at })
    end
  end
  return made, later, others
end

local function with_writer(others, process, sequence, version)
  return string.format("%s:%s:%.0f:%.0f%s", process, sequence, version, now, others)
end

local function time_to_live(idle, absolute_at)
  if absolute_at == 0 then return idle end
  return math.min(idle, absolute_at - now)
end

local function format_record(record)
  local header = string.format("1|%.0f|%.0f|%.0f|%.0f|%s|%s|%s|%s|%s", record.version, record.created, record.idle,
    record.absolute_at, record.token, record.previous_token, record.previous_until, record.cookie, record.writers)
  return header .. "\n" .. record.payload
end
