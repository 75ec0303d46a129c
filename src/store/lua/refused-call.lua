-- Records that EC2 refused a call. KEYS: bucket. ARGV: burst, rate.
-- include: bucket

local burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local _, pace, now = look_into(KEYS[1], burst, rate)
leave(KEYS[1], 0, now, burst, rate)
local last = redis.call('HGET', KEYS[1], 'refused')
if last and now - last < 1 then return 0 end
redis.call('HSET', KEYS[1], 'pace', math.max(pace / 2, 1 / 16), 'refused', now)
return 1
