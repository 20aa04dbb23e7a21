// Written by scripts/generate-lua.mjs from the .lua files beside it; change those, then `npm run generate`.

import type { Script } from "../../backend/script.js";

/** What `appendEntry` answers. */
export type AppendEntryReply =
  | readonly [status: "OK", id: string]
  | readonly [status: "UNKNOWN"];

/** Appends one entry to a log and hints at it. */
export const appendEntry: Script<"log", "channel" | "name" | "origin" | "operation" | "payload" | "since", AppendEntryReply> = {
  name: "feed/append-entry",
  source: [
    "local function log_tail(log)",
    "  local last = redis.call(\"XREVRANGE\", log, \"+\", \"-\", \"COUNT\", \"1\")[1]",
    "  if not last then return \"0-0\", \"\" end",
    "  for field = 1, #last[2], 2 do",
    "    if last[2][field] == \"n\" then return last[1], last[2][field + 1] end",
    "  end",
    "  return last[1], \"\"",
    "end",
    "local function append(log, channel, name, origin, operation, payload)",
    "  local previous, of = log_tail(log)",
    "  local id = redis.call(\"XADD\", log, \"MAXLEN\", \"~\", \"10000\", \"*\", \"o\", origin, \"n\", operation, \"p\", payload)",
    "  redis.call(\"PUBLISH\", channel, cjson.encode({ name, previous, of, id, origin, operation, payload }))",
    "  return id",
    "end",
    "local function find_operation(log, since, operation)",
    "  local entries = redis.call(\"XRANGE\", log, since, \"+\", \"COUNT\", \"513\")",
    "  if not entries[1] or entries[1][1] ~= since then return nil end",
    "  for at = 1, #entries do",
    "    local fields = entries[at][2]",
    "    for field = 1, #fields, 2 do",
    "      if fields[field] == \"n\" and fields[field + 1] == operation then return entries[at][1] end",
    "    end",
    "  end",
    "  if #entries > 512 then return nil end",
    "  return false",
    "end",
    "local log = KEYS[1]",
    "local channel, name, origin, operation, payload, since = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]",
    "local found = find_operation(log, since, operation)",
    "if found == nil then return { \"UNKNOWN\" } end",
    "if found then return { \"OK\", found } end",
    "return { \"OK\", append(log, channel, name, origin, operation, payload) }",
  ].join("\n"),
  sha1: "10af658a33ce887c014788cf9db9cf4e0f2eb59d",
  keys: ["log"],
  args: ["channel","name","origin","operation","payload","since"],
  readOnly: false,
};


/** What `beat` answers. */
export type BeatReply =
  | readonly [status: "OK", now: number, version: number];

/** Says that an instance lives, and what is to be known of it. */
export const beat: Script<"roster", "id" | "positions" | "details" | "forget", BeatReply> = {
  name: "feed/beat",
  source: [
    "local time = redis.call(\"TIME\")",
    "local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)",
    "local function version_of(roster)",
    "  return tonumber(redis.call(\"HGET\", roster, \"v\")) or 0",
    "end",
    "local function next_version(roster)",
    "  local version = math.max(version_of(roster) + 1, now)",
    "  redis.call(\"HSET\", roster, \"v\", string.format(\"%.0f\", version))",
    "  return version",
    "end",
    "local roster = KEYS[1]",
    "local id, positions, details, forget = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])",
    "redis.call(\"PERSIST\", roster)",
    "local field = \"i:\" .. id",
    "local stored = redis.call(\"HGET\", roster, field)",
    "local isNew = not stored or string.match(stored, \"^%d+|[^|]*|(.*)$\") ~= details",
    "redis.call(\"HSET\", roster, field, string.format(\"%.0f\", now) .. \"|\" .. positions .. \"|\" .. details)",
    "local hasChanged = isNew",
    "if forget > 0 then",
    "  local rows = redis.call(\"HGETALL\", roster)",
    "  for at = 1, #rows, 2 do",
    "    local beat = string.sub(rows[at], 1, 2) == \"i:\" and tonumber(string.match(rows[at + 1], \"^(%d+)|\"))",
    "    if beat and now - beat > forget then",
    "      redis.call(\"HDEL\", roster, rows[at])",
    "      hasChanged = true",
    "    end",
    "  end",
    "end",
    "return { \"OK\", now, hasChanged and next_version(roster) or version_of(roster) }",
  ].join("\n"),
  sha1: "db4000a17d9611e6520888c5a87997d0b2e024ae",
  keys: ["roster"],
  args: ["id","positions","details","forget"],
  readOnly: false,
};


/** What `leaveRoster` answers. */
export type LeaveRosterReply =
  | readonly [status: "OK"];

/** Forgets an instance that ends. */
export const leaveRoster: Script<"roster", "id", LeaveRosterReply> = {
  name: "feed/leave-roster",
  source: [
    "local time = redis.call(\"TIME\")",
    "local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)",
    "local function version_of(roster)",
    "  return tonumber(redis.call(\"HGET\", roster, \"v\")) or 0",
    "end",
    "local function next_version(roster)",
    "  local version = math.max(version_of(roster) + 1, now)",
    "  redis.call(\"HSET\", roster, \"v\", string.format(\"%.0f\", version))",
    "  return version",
    "end",
    "local roster = KEYS[1]",
    "local id = ARGV[1]",
    "if redis.call(\"HDEL\", roster, \"i:\" .. id) == 1 then next_version(roster) end",
    "return { \"OK\" }",
  ].join("\n"),
  sha1: "ceeb698235c0c473f48a3dcfdf9d91b206c34447",
  keys: ["roster"],
  args: ["id"],
  readOnly: false,
};


/** What `readLog` answers. */
export type ReadLogReply =
  | readonly [status: "OK", entries: string];

/** Reads a part of a log. */
export const readLog: Script<"log", "from" | "count", ReadLogReply> = {
  name: "feed/read-log",
  source: [
    "local function field_of(entry, name)",
    "  for field = 1, #entry[2], 2 do",
    "    if entry[2][field] == name then return entry[2][field + 1] end",
    "  end",
    "  return \"\"",
    "end",
    "local function name_of(entry, name)",
    "  local value = field_of(entry, name)",
    "  return string.find(value, \"[^!-~]\") and \"\" or value",
    "end",
    "local function encode(entries)",
    "  if not entries[1] then return \"[]\" end",
    "  local list = {}",
    "  for at = 1, #entries do",
    "    local entry = entries[at]",
    "    list[at] = { entry[1], name_of(entry, \"o\"), name_of(entry, \"n\"), field_of(entry, \"p\") }",
    "  end",
    "  return cjson.encode(list)",
    "end",
    "local function is_before(one, other)",
    "  local milliseconds, sequence = string.match(one, \"^(%d+)-(%d+)$\")",
    "  local other_milliseconds, other_sequence = string.match(other, \"^(%d+)-(%d+)$\")",
    "  if milliseconds == other_milliseconds then milliseconds, other_milliseconds = sequence, other_sequence end",
    "  if #milliseconds ~= #other_milliseconds then return #milliseconds < #other_milliseconds end",
    "  return milliseconds < other_milliseconds",
    "end",
    "local function after(position)",
    "  local kept, digit, nines = string.match(position, \"^(%d-)([0-8]?)(9*)%-\")",
    "  return kept .. (digit == \"\" and 1 or digit + 1) .. string.rep(\"0\", #nines) .. \"-0\"",
    "end",
    "local log = KEYS[1]",
    "local from, count = ARGV[1], ARGV[2]",
    "return { \"OK\", encode(redis.call(\"XRANGE\", log, from, \"+\", \"COUNT\", count)) }",
  ].join("\n"),
  sha1: "82afbdd0043d8b09bdf05258352f943735a21048",
  keys: ["log"],
  args: ["from","count"],
  readOnly: true,
};


/** What `readRoster` answers. */
export type ReadRosterReply =
  | readonly [status: "OK", now: number, rows: string];

/** Tells of every instance that is not forgotten. */
export const readRoster: Script<"roster", never, ReadRosterReply> = {
  name: "feed/read-roster",
  source: [
    "local time = redis.call(\"TIME\")",
    "local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)",
    "local roster = KEYS[1]",
    "return { \"OK\", now, cjson.encode(redis.call(\"HGETALL\", roster)) }",
  ].join("\n"),
  sha1: "d5ada641e3246243748f80758504c86fbe9e511d",
  keys: ["roster"],
  args: [],
  readOnly: true,
};


/** What `syncLog` answers. */
export type SyncLogReply =
  | readonly [status: "OK", now: number, entries: string]
  | readonly [status: "START", now: number, entries: string]
  | readonly [status: "CUT", now: number, entries: string]
  | readonly [status: "FORK", now: number, entries: string];

/** Reads what follows the last entry that a follower applied, if that entry is still what it was. */
export const syncLog: Script<"log", "last" | "origin" | "operation" | "count" | "nonce", SyncLogReply> = {
  name: "feed/sync-log",
  source: [
    "local time = redis.call(\"TIME\")",
    "local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)",
    "local function field_of(entry, name)",
    "  for field = 1, #entry[2], 2 do",
    "    if entry[2][field] == name then return entry[2][field + 1] end",
    "  end",
    "  return \"\"",
    "end",
    "local function name_of(entry, name)",
    "  local value = field_of(entry, name)",
    "  return string.find(value, \"[^!-~]\") and \"\" or value",
    "end",
    "local function encode(entries)",
    "  if not entries[1] then return \"[]\" end",
    "  local list = {}",
    "  for at = 1, #entries do",
    "    local entry = entries[at]",
    "    list[at] = { entry[1], name_of(entry, \"o\"), name_of(entry, \"n\"), field_of(entry, \"p\") }",
    "  end",
    "  return cjson.encode(list)",
    "end",
    "local function is_before(one, other)",
    "  local milliseconds, sequence = string.match(one, \"^(%d+)-(%d+)$\")",
    "  local other_milliseconds, other_sequence = string.match(other, \"^(%d+)-(%d+)$\")",
    "  if milliseconds == other_milliseconds then milliseconds, other_milliseconds = sequence, other_sequence end",
    "  if #milliseconds ~= #other_milliseconds then return #milliseconds < #other_milliseconds end",
    "  return milliseconds < other_milliseconds",
    "end",
    "local function after(position)",
    "  local kept, digit, nines = string.match(position, \"^(%d-)([0-8]?)(9*)%-\")",
    "  return kept .. (digit == \"\" and 1 or digit + 1) .. string.rep(\"0\", #nines) .. \"-0\"",
    "end",
    "local log = KEYS[1]",
    "local last, origin, operation, count, nonce = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]",
    "redis.call(\"PERSIST\", log)",
    "local function mark(position)",
    "  return redis.call(\"XADD\", log, position, \"o\", \"#\", \"n\", nonce, \"p\", \"\")",
    "end",
    "if last ~= \"\" then",
    "  local entries = redis.call(\"XRANGE\", log, last, \"+\", \"COUNT\", count)",
    "  local first = entries[1]",
    "  if first and first[1] == last and name_of(first, \"o\") == origin and name_of(first, \"n\") == operation then",
    "    return { \"OK\", now, encode(entries) }",
    "  end",
    "end",
    "local word = \"START\"",
    "if last ~= \"\" then",
    "  local oldest = redis.call(\"XRANGE\", log, \"-\", \"+\", \"COUNT\", \"1\")[1]",
    "  word = oldest and is_before(last, oldest[1]) and redis.call(\"XLEN\", log) >= 10000 and \"CUT\" or \"FORK\"",
    "end",
    "local ended = redis.call(\"XREVRANGE\", log, \"+\", \"-\", \"COUNT\", \"1\")[1]",
    "local position = ended and ended[1]",
    "if not position or last ~= \"\" and not is_before(last, position) then position = mark(\"*\") end",
    "if last ~= \"\" and not is_before(last, position) then mark(after(last)) end",
    "return { word, now, encode(redis.call(\"XREVRANGE\", log, \"+\", \"-\", \"COUNT\", \"1\")) }",
  ].join("\n"),
  sha1: "03519d9ddcb0360246d4b8ec854b29eb31b7b363",
  keys: ["log"],
  args: ["last","origin","operation","count","nonce"],
  readOnly: false,
};
