-- Returns the head of the wait queue: as many members of both its parts, by arrival, as there are both slots and calls. KEYS:
-- slots, waiting, timed, full, full of time-based copies, limit, calls, wait queues.
-- ARGV: limit, burst, rate, scope.
-- include: bucket
-- include: room

if redis.call('EXISTS', KEYS[2], KEYS[3]) == 0 then
  redis.call('SREM', KEYS[8], ARGV[4])
  return {}
end
local most, burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free = room_for(KEYS[1], KEYS[4], KEYS[6], KEYS[7], most, burst, rate)
if free <= 0 then return {} end
local one = redis.call('ZRANGE', KEYS[2], 0, free - 1, 'WITHSCORES')
local other = {}
if redis.call('EXISTS', KEYS[5]) == 0 then other = redis.call('ZRANGE', KEYS[3], 0, free - 1, 'WITHSCORES') end
local first, i, j = {}, 1, 1
while #first < free and (one[i] or other[j]) do
  if not other[j] or (one[i] and tonumber(one[i + 1]) <= tonumber(other[j + 1])) then
    first[#first + 1] = one[i]
    i = i + 2
  else
    first[#first + 1] = other[j]
    j = j + 2
  end
end
return first
