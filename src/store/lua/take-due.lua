-- Returns the scopes that are due, and sets the next time of each. KEYS: scopes. ARGV: now, next.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
for _, scope in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], scope) end
return due
