-- How many copies may start in a scope now: as many as there are both free slots and calls. Needs bucket.lua.
local function room_for(slots, full, limit, calls, most, burst, rate)
  if redis.call('EXISTS', full) == 1 then return 0 end
  local at_once = math.min(most, tonumber(redis.call('GET', limit) or most))
  local tokens = look_into(calls, burst, rate)
  return math.min(at_once - redis.call('SCARD', slots), math.floor(tokens))
end
