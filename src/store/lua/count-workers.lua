-- Counts the workers that run. KEYS: workers. ARGV: milliseconds without a heartbeat after which a worker counts as gone.
-- include: now

return redis.call('ZCOUNT', KEYS[1], '(' .. (now - ARGV[1]), '+inf')
