-- Takes one call, if more than the calls to leave are there. KEYS: bucket. ARGV: burst, rate, calls to leave. Returns 0, or the
-- milliseconds until there is one.
-- include: bucket

local burst, rate, needed = tonumber(ARGV[1]), tonumber(ARGV[2]), 1 + ARGV[3]
local tokens, pace, now = look_into(KEYS[1], burst, rate)
if tokens < needed then return math.ceil((needed - tokens) / (rate * pace) * 1000) end
leave(KEYS[1], tokens - 1, now, burst, rate)
return 0
