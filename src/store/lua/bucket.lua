-- The part of one of EC2's token buckets for calls that this service uses: so many calls at once (burst), so many more a second
-- (rate). After a refusal it refills at half the rate, since others in the account call too, and returns to the full rate in
-- RECOVERY seconds. Refusals at the same time count as one.
local RECOVERY = 60
local function look_into(key, burst, rate)
  local time = redis.call('TIME')
  local now = time[1] + time[2] / 1000000
  local tokens, at, pace, refused = unpack(redis.call('HMGET', key, 'tokens', 'at', 'pace', 'refused'))
  pace = math.min(1, (pace or 1) + (now - (refused or 0)) / RECOVERY)
  tokens = tokens and math.min(burst, tokens + (now - at) * rate * pace) or burst
  return tonumber(tokens), pace, now
end
local function leave(key, tokens, now, burst, rate)
  redis.call('HSET', key, 'tokens', tokens, 'at', now)
  redis.call('EXPIRE', key, math.ceil(burst / rate) + 2 * RECOVERY)
end
