-- Keeps the images that are pending, for the next poll. KEYS: pending, event hints. ARGV: a name for the poll unless it has
-- one, milliseconds that this is kept, image ids. Answers the poll's name and the images kept.
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
