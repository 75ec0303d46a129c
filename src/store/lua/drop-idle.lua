-- Removes a scope with nothing left to track. KEYS: scopes, pending, waiting, timed. ARGV: scope.
if redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4]) > 0 then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
