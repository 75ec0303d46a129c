-- Keeps those of the images that are pending, for the next poll. KEYS: pending, event hints. ARGV: a name for that poll, used
-- if it has none yet; milliseconds for which the hints are kept; image ids. Returns the poll's name and the images kept.
local known = {}
for i = 3, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then known[#known + 1] = ARGV[i] end
end
if #known == 0 then return {} end
redis.call('HSETNX', KEYS[2], 'poll', ARGV[1])
for _, image in ipairs(known) do redis.call('HSET', KEYS[2], image, '') end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
table.insert(known, 1, redis.call('HGET', KEYS[2], 'poll'))
return known
