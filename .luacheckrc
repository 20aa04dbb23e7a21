-- What a script of Redis 5.0 finds when it starts; nothing else is global and nothing becomes so.
std = "lua51"
read_globals = { "KEYS", "ARGV", "redis", "cjson", "cmsgpack", "bit", "struct" }
max_line_length = 120
-- A fragment does not know the names of the scripts that include it.
ignore = { "431" }
