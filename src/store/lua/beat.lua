-- A worker's heartbeat. KEYS: workers. ARGV: id, milliseconds after which one without counts as gone.
-- include: now

redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
