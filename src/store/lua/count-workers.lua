-- How many workers run. KEYS: workers. ARGV: milliseconds after which one without a heartbeat counts as gone.
-- include: now

return redis.call('ZCOUNT', KEYS[1], '(' .. (now - ARGV[1]), '+inf')
