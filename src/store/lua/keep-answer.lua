-- Keeps what became of a request with an Idempotency-Key, unless another request holds the key by now. KEYS: the key.
-- ARGV: the request's token, the value, milliseconds to keep it. Answers 1, or 0 where the key is another's.
local held = redis.call('GET', KEYS[1])
if held and cjson.decode(held).token ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
