-- Postpones the next poll of a scope, unless it was made due earlier, the number of pending copies has changed, or there is a
-- wait queue. KEYS: scopes, pending, waiting, timed. ARGV: scope, new time, due time as read before, number of pending copies
-- as read before.
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) < tonumber(ARGV[3]) then return 0 end
if redis.call('HLEN', KEYS[2]) ~= tonumber(ARGV[4]) or redis.call('EXISTS', KEYS[3], KEYS[4]) > 0 then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
