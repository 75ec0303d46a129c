-- Replaces a webhook delivery, if it still is as it was read. Returns 1 if it was replaced.
-- KEYS: the deliveries of its job (hash by number), the due deliveries (zset).
-- ARGV: its number, the text as it was read, the new text, its member among the due ones, when it is due (epoch milliseconds, '' for
-- never).
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[5] == '' then redis.call('ZREM', KEYS[2], ARGV[4]) else redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4]) end
return 1
