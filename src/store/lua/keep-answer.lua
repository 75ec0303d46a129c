-- Stores the answer to a request with an Idempotency-Key, unless another request holds the key. KEYS: the key. ARGV: the
-- request's token, the value, milliseconds to keep it. Returns 1, or 0 where another request holds the key.
local held = redis.call('GET', KEYS[1])
if held and cjson.decode(held).token ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
