-- Returns the entries of a job's log after an id, oldest first. KEYS: log. ARGV: the id's two numbers, the largest number of
-- entries. Each entry begins with its id, and ids rise, so the place is found by binary search.
local time, number, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local low, high = 0, redis.call('LLEN', KEYS[1])
while low < high do
  local middle = math.floor((low + high) / 2)
  local t, n = string.match(redis.call('LINDEX', KEYS[1], middle), '^(%d+)-(%d+) ')
  t, n = tonumber(t), tonumber(n)
  if t > time or (t == time and n > number) then high = middle else low = middle + 1 end
end
return redis.call('LRANGE', KEYS[1], low, low + limit - 1)
