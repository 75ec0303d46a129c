-- Records a worker's heartbeat. KEYS: workers. ARGV: id, milliseconds without a heartbeat after which a worker counts as gone.
-- include: now

redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
