-- Deletes a key only if it has the given value. KEYS: the key. ARGV: the value. Returns how many keys were deleted.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
