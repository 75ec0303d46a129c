-- Stores how many concurrent copies EC2 allows. KEYS: slots, limit. ARGV: the limit that EC2 stated, or a number above any
-- limit; milliseconds to keep it.
local left = math.max(1, redis.call('SCARD', KEYS[1]))
redis.call('SET', KEYS[2], string.format('%.0f', math.min(left, math.max(1, tonumber(ARGV[1])))), 'PX', ARGV[2])
