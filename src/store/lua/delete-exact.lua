-- Deletes a key that still has a value, and only then. KEYS: the key. ARGV: the value. Answers how many were deleted.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
