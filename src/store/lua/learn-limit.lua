-- Keeps how many copies at once EC2 takes. KEYS: slots, limit. ARGV: the limit that EC2 told, or more than any; milliseconds.
local left = math.max(1, redis.call('SCARD', KEYS[1]))
redis.call('SET', KEYS[2], string.format('%.0f', math.min(left, math.max(1, tonumber(ARGV[1])))), 'PX', ARGV[2])
